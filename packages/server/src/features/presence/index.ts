import type { Feature } from '../feature.ts';
import {
  presenceForNewcomers,
  receivePresence,
  sendPresence,
  tellAgainEveryMs,
  tellPresenceAgain,
  type PresenceFederationNeeds,
} from './presence.federation.ts';
import { presenceRoutes } from './presence.routes.ts';
import { presenceSyncSource } from './presence.sync.ts';
import { Presence, tickMs, type PresenceNeeds } from './presence.ts';

export type { Presence, PresenceNeeds, ToldPresence } from './presence.ts';
export type { PresenceState } from './presence-rules.ts';

/** Presence. `presence.seen` hears of each sync, `presence.active` of each sign of life that is not an event. */
export async function presenceFeature(
  needs: PresenceNeeds & PresenceFederationNeeds,
): Promise<Feature & { readonly presence: Presence }> {
  const presence = await Presence.open(needs);
  needs.rooms.hooks.persist.push(presence.persistHook);
  needs.rooms.hooks.persist.push(presenceForNewcomers(needs, presence));
  sendPresence(needs, presence);
  return {
    name: 'presence',
    routes: presenceRoutes(presence, needs.clock),
    sync: [presenceSyncSource(needs, presence)],
    edus: { 'm.presence': receivePresence(needs, presence) },
    jobs: [
      { name: 'presence', everyMs: tickMs, run: () => presence.tick() },
      { name: 'presence elsewhere', everyMs: tellAgainEveryMs, run: () => tellPresenceAgain(needs, presence) },
    ],
    stop: () => presence.writeDown(),
    presence,
  };
}
