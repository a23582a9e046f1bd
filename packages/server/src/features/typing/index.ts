import type { Database } from '../../platform/database/index.ts';
import type { Feature } from '../feature.ts';
import { receiveTyping, sendTyping, type TypingFederationNeeds } from './typing.federation.ts';
import { typingRoutes } from './typing.routes.ts';
import { putInterrupted, takeInterrupted } from './typing.store.ts';
import { typingSyncSource } from './typing.sync.ts';
import { Typing, type TypingNeeds } from './typing.ts';

export type { Typing, TypingNews } from './typing.ts';

/** Typing notifications. */
export async function typingFeature(
  needs: TypingNeeds & TypingFederationNeeds & { readonly database: Database },
): Promise<Feature & { readonly typing: Typing }> {
  const typing = new Typing(needs, await takeInterrupted(needs.database));
  needs.rooms.hooks.persist.push(typing.persistHook);
  sendTyping(needs, typing);
  return {
    name: 'typing',
    routes: typingRoutes(typing),
    sync: [typingSyncSource(needs, typing)],
    edus: { 'm.typing': receiveTyping(needs, typing) },
    stop: () => putInterrupted(needs.database, typing.roomNids),
    typing,
  };
}
