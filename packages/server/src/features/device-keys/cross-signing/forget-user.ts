import type { KeyOwner } from '../device-keys.ts';
import { removeCrossSigningKey, removeSignaturesAbout, removeSignaturesBy } from './cross-signing.store.ts';
import type { CrossSigningNeeds } from './put-cross-signing.ts';
import { endReplacement } from './replacement.store.ts';

/** An account has ended: nobody verifies this user any more. */
export async function forgetUser({ database, hooks }: CrossSigningNeeds, user: KeyOwner): Promise<void> {
  await database.write((tx) => {
    for (const usage of ['master', 'self_signing', 'user_signing'] as const) removeCrossSigningKey(tx, user.userNid, usage);
    removeSignaturesBy(tx, user.userNid);
    removeSignaturesAbout(tx, user.userNid);
    endReplacement(tx, user.userNid);
    hooks.tell(tx, { user, deviceIds: [], crossSigning: true });
  });
}
