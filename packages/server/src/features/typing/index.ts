import type { Database } from '../../platform/database/index.ts';
import type { Feature } from '../feature.ts';
import { typingRoutes } from './typing.routes.ts';
import { putInterrupted, takeInterrupted } from './typing.store.ts';
import { typingSyncSource } from './typing.sync.ts';
import { Typing, type TypingNeeds } from './typing.ts';

export type { Typing, TypingNews } from './typing.ts';

/** Typing notifications. */
export async function typingFeature(
  needs: TypingNeeds & { readonly database: Database },
): Promise<Feature & { readonly typing: Typing }> {
  const typing = new Typing(needs, await takeInterrupted(needs.database));
  needs.rooms.hooks.persist.push(typing.persistHook);
  return {
    name: 'typing',
    routes: typingRoutes(typing),
    sync: [typingSyncSource(needs, typing)],
    stop: () => putInterrupted(needs.database, typing.roomNids),
    typing,
  };
}
