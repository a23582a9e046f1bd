import type { RoomId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { RoomIdentity } from '../../room-ids.ts';
import type { ReceiveTools } from '../receive-tools.ts';
import { deleteOutliers, outliersOf, wasEverIn } from './false-version.store.ts';

/** Gives rooms of which this server hears for the first time their row; each once, whoever asks at the same time. */
export class RoomsToEnter {
  readonly #tools: ReceiveTools;
  readonly #underWay = new Map<string, Promise<RoomIdentity>>();

  constructor(tools: ReceiveTools) {
    this.#tools = tools;
  }

  /**
   * The room, made if it is not there. The version that it is known with may have been a lie, which must keep nobody out: as long as this
   * server has never been in the room, it gives way to the one that is told now. Rejects where the server has been there.
   */
  async find(roomId: RoomId, rules: RoomVersionRules): Promise<RoomIdentity> {
    const known = (await this.#underWay.get(roomId)) ?? (await this.#tools.rooms.find(roomId));
    const room = known ?? (await this.#make(roomId, rules));
    return room.rules.id === rules.id ? room : this.#revise(room, { ...room, rules });
  }

  /** All that was judged by the rules of another version goes; invitations and the like, which nobody could judge, stay. */
  async #revise(before: RoomIdentity, after: RoomIdentity): Promise<RoomIdentity> {
    const { registry, database, events, rooms } = this.#tools;
    await registry.revise(before, after, async () => {
      if (await wasEverIn(database, before.nid)) {
        throw new Error(`room ${before.roomId} has version ${before.rules.id}, not ${after.rules.id}`);
      }
      const outliers = await outliersOf(database, before);
      await database.write((tx) => {
        deleteOutliers(tx, outliers);
        rooms.revise(tx, after);
        tx.onCommit(() => events.forget(outliers));
      });
    });
    return after;
  }

  #make(roomId: RoomId, rules: RoomVersionRules): Promise<RoomIdentity> {
    const making =
      this.#underWay.get(roomId) ??
      (async () => {
        const room: RoomIdentity = { nid: this.#tools.nextRoomNid(), roomId, rules };
        await this.#tools.database.write((tx) => this.#tools.rooms.create(tx, room));
        return room;
      })().finally(() => this.#underWay.delete(roomId));
    this.#underWay.set(roomId, making);
    return making;
  }
}
