import { MatrixError } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { UserId } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import { emptyProfile, type Profile } from './profile.ts';
import { finishPropagation, pendingPropagations, propagationVersion, readProfile } from './profiles.store.ts';

export interface PropagationNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: Rooms;
  readonly logger: Logger;
}

/** Rooms of one user that are told at the same time. */
const roomsAtOnce = 8;

/**
 * Brings name and avatar into the member events of a user's rooms, in the background: what is to be told is written down with the
 * profile, and taken up again after a restart.
 * https://spec.matrix.org/v1.19/client-server-api/#events-on-change-of-profile-information
 */
export class ProfilePropagation {
  readonly #needs: PropagationNeeds;
  readonly #running = new Map<number, Promise<void>>();
  #stopped = false;

  constructor(needs: PropagationNeeds) {
    this.#needs = needs;
  }

  /** Resolves when the user's rooms know the profile as it was when this was called. What fails is tried again by `resume`. */
  tell(userNid: number): Promise<void> {
    // A run that has begun may have read the profile before it changed: this change has a run of its own behind it.
    const before = this.#running.get(userNid);
    const run = (before ?? Promise.resolve()).then(() => this.#tellAll(userNid));
    const settled = run.catch((error: unknown) => {
      this.#needs.logger.error({ err: error, userNid }, 'a profile could not be told to all rooms; tried again later');
    });
    this.#running.set(userNid, settled);
    void settled.then(() => {
      if (this.#running.get(userNid) === settled) this.#running.delete(userNid);
    });
    return settled;
  }

  /** Takes up what was not finished. */
  async resume(): Promise<void> {
    for (const userNid of await pendingPropagations(this.#needs.database)) {
      if (!this.#running.has(userNid)) await this.tell(userNid);
    }
  }

  /** Begins nothing new and waits for the rooms that are being told. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running.values());
  }

  async #tellAll(userNid: number): Promise<void> {
    const { database, names, rooms } = this.#needs;
    const version = await propagationVersion(database, userNid);
    if (version === undefined) return;
    const userId = (await names.textOf(userNid)) as UserId;
    const profile = (await readProfile(database, userNid)) ?? emptyProfile;
    const waiting = (await rooms.memberships.joinedRooms(userNid)).values();
    const lane = async (): Promise<void> => {
      for (const roomNid of waiting) {
        if (this.#stopped) return;
        await this.#tellRoom(roomNid, userId, profile);
      }
    };
    await Promise.all(Array.from({ length: roomsAtOnce }, lane));
    if (!this.#stopped) await database.write((tx) => finishPropagation(tx, userNid, version));
  }

  async #tellRoom(roomNid: number, userId: UserId, profile: Profile): Promise<void> {
    const { rooms, logger } = this.#needs;
    const current = await rooms.states.current(roomNid, 'm.room.member', userId);
    if (!current || !needsTelling(current.content, profile)) return;
    const room = await rooms.ids.byNid(roomNid);
    const draft = { type: 'm.room.member', sender: userId, stateKey: userId, content: memberContent(current.content, profile) };
    try {
      // Who is kicked at this very moment must not be back by it.
      await rooms.send(room, [draft], { onlyInPlaceOf: current.nid });
    } catch (error) {
      // The room's rules say no, and will next time too.
      if (!(error instanceof MatrixError)) throw error;
      logger.info({ err: error, room: room.roomId, user: userId }, 'a room does not take a changed profile');
    }
  }
}

function needsTelling(content: JsonObject, { displayname, avatarUrl }: Profile): boolean {
  return (
    content['membership'] === 'join' &&
    ((content['displayname'] ?? undefined) !== displayname || (content['avatar_url'] ?? undefined) !== avatarUrl)
  );
}

/** What the member event said besides stays, except for what belongs to the moment of joining. */
function memberContent(before: JsonObject, { displayname, avatarUrl }: Profile): JsonObject {
  const content: JsonObject = { ...before };
  for (const key of [
    'displayname',
    'avatar_url',
    'reason',
    'is_direct',
    'third_party_invite',
    'join_authorised_via_users_server',
  ]) {
    delete content[key];
  }
  if (displayname !== undefined) content['displayname'] = displayname;
  if (avatarUrl !== undefined) content['avatar_url'] = avatarUrl;
  return content;
}
