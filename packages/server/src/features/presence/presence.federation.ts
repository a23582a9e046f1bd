import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import type { JsonObject } from '@myelin/protocol/events';
import { domainOf, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import { userOfServer, type Edu, type EduHandler, type OutgoingEdus } from '../../federation/edu.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Interner } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { PersistHook, Rooms } from '../../rooms/index.ts';
import { longestStatus, type Presence, type ToldPresence } from './presence.ts';

export interface PresenceFederationNeeds {
  readonly rooms: Rooms;
  readonly names: Interner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly outgoingEdus: OutgoingEdus;
}

/** Users that one EDU may speak of; more come from nobody who means well. */
const mostUsers = 1000;
/** Joins in one write that are taken for people who come. */
const mostNewcomers = 20;
/** Of a large room's members so many are made known to a new server at once; of the others it hears when they do something. */
const mostMet = 200;
/** News of many users leave together. */
const patienceMs = 500;
/** Other servers believe what we say for half an hour: whoever is still there is told of again before that. */
export const tellAgainEveryMs = 25 * 60_000;

/**
 * Takes `m.presence` of other servers, for users of theirs who share a room with one of ours.
 * https://spec.matrix.org/v1.19/server-server-api/#presence
 */
export function receivePresence(
  { rooms, names, clock }: Pick<PresenceFederationNeeds, 'rooms' | 'names' | 'clock'>,
  presence: Presence,
): EduHandler {
  return async ({ content, origin }) => {
    const push = own(content, 'push');
    if (!presence.isShown || !Array.isArray(push)) return;
    for (const update of push.slice(0, mostUsers)) {
      const said = readUpdate(update, origin, clock.now());
      // Nobody here has a name for whom no event of any of our rooms names.
      const userNid = said && (await names.knownIdOf(said.userId));
      if (!said || userNid === undefined || (await rooms.memberships.joinedRooms(userNid)).length === 0) continue;
      await presence.receive({ ...said, userNid });
    }
  };
}

/** Tells the servers with whose users ours share rooms how ours are. */
export function sendPresence(needs: PresenceFederationNeeds, presence: Presence): void {
  const { logger, serverName } = needs;
  presence.onNews((news) => {
    if (domainOf(news.userId) !== serverName) return;
    send(needs, news, news.roomNids).catch((error: unknown) =>
      logger.warn({ err: error, user: news.userId }, 'a presence is not told elsewhere'),
    );
  });
}

/** Who joins a room meets those in it: each side's servers hear how the other's users are. */
export function presenceForNewcomers(needs: PresenceFederationNeeds, presence: Presence): PersistHook {
  const { rooms, names, logger } = needs;
  const tellOf = async (users: Iterable<number>, roomNid: number, servers: readonly number[] | 'all'): Promise<void> => {
    if ((await presence.excludedRooms()).has(roomNid)) return;
    const named = servers === 'all' ? undefined : [...(await names.textsOf(servers)).values()];
    for (const told of (await presence.toldOf(users)).values()) {
      if (domainOf(told.userId) !== needs.serverName || told.state === 'offline') continue;
      if (named === undefined) await send(needs, told, [roomNid]);
      else needs.outgoingEdus.toServers(named as ServerName[], eduOf(needs, told), { key: told.userId, patienceMs });
    }
  };
  return {
    name: 'presence for newcomers',
    after: ({ room, membershipChanges }) => {
      if (!presence.isShown) return;
      const joins = membershipChanges.filter(({ membership, previous }) => membership === 'join' && previous !== 'join');
      const ours = joins.flatMap(({ local, userNid }) => (local && presence.there.has(userNid) ? userNid : []));
      // Many at once are no newcomers: it is we who have entered their room.
      const servers =
        joins.length > mostNewcomers ? [] : [...new Set(joins.flatMap(({ local, serverNid }) => (local ? [] : serverNid)))];
      const meet = async (): Promise<void> => {
        if (ours.length > 0) await tellOf(ours, room.nid, 'all');
        if (servers.length === 0) return;
        const there = (await rooms.memberships.localMembers(room.nid)).intersection(presence.there);
        await tellOf([...there].slice(0, mostMet), room.nid, servers);
      };
      if (ours.length > 0 || servers.length > 0) {
        meet().catch((error: unknown) => logger.warn({ err: error, room: room.id }, 'newcomers do not hear who is there'));
      }
    },
  };
}

/** Tells again of those of our users who are there. */
export async function tellPresenceAgain(needs: PresenceFederationNeeds, presence: Presence): Promise<void> {
  const excluded = await presence.excludedRooms();
  for (const [userNid, told] of await presence.toldOf(presence.there)) {
    if (domainOf(told.userId) !== needs.serverName || told.state === 'offline') continue;
    const roomNids = await needs.rooms.memberships.joinedRooms(userNid);
    await send(
      needs,
      told,
      roomNids.filter((roomNid) => !excluded.has(roomNid)),
    );
  }
}

async function send(needs: PresenceFederationNeeds, told: ToldPresence, roomNids: readonly number[]): Promise<void> {
  await needs.outgoingEdus.toRooms(roomNids, eduOf(needs, told), { key: told.userId, patienceMs });
}

function eduOf({ clock }: Pick<PresenceFederationNeeds, 'clock'>, told: ToldPresence): Edu {
  const update: JsonObject = {
    user_id: told.userId,
    presence: told.state,
    last_active_ago: Math.max(0, clock.now() - told.lastActiveTs),
    currently_active: told.currentlyActive,
    ...(told.statusMsg !== undefined && { status_msg: told.statusMsg }),
  };
  return { type: 'm.presence', content: { push: [update] } };
}

function readUpdate(update: unknown, origin: ServerName, now: number): (ToldPresence & { readonly userId: UserId }) | undefined {
  if (!isJsonObject(update)) return undefined;
  const userId = userOfServer(own(update, 'user_id'), origin);
  const state = own(update, 'presence');
  if (userId === undefined || (state !== 'online' && state !== 'unavailable' && state !== 'offline')) return undefined;
  const ago = own(update, 'last_active_ago');
  const status = own(update, 'status_msg');
  return {
    userId,
    state,
    currentlyActive: state === 'online' && own(update, 'currently_active') === true,
    lastActiveTs: typeof ago === 'number' && ago >= 0 ? Math.max(0, Math.floor(now - ago)) : 0,
    statusMsg: typeof status === 'string' && status.isWellFormed() ? status.slice(0, longestStatus) : undefined,
  };
}
