import type { Presence } from '../features/presence/index.ts';
import type { Profiles } from '../features/profiles/index.ts';
import type { Receipts } from '../features/receipts/index.ts';
import type { Typing } from '../features/typing/index.ts';

/** Who reads or types is active; whoever sees a user's presence sees a new name or avatar as well. */
export function connectSignsOfLife(
  presence: Presence,
  features: { readonly profiles: Profiles; readonly receipts: Receipts; readonly typing: Typing },
): void {
  features.receipts.onReceipt(({ userNid }) => presence.active(userNid));
  features.typing.onTyping(({ userNid, typing }) => {
    if (typing) presence.active(userNid);
  });
  features.profiles.onChange(({ userNid }) => void presence.profileChanged(userNid));
}
