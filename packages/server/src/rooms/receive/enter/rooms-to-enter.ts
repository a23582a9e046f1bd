import type { RoomId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { RoomIdentity } from '../../room-ids.ts';
import type { ReceiveTools } from '../receive-tools.ts';

/** Gives rooms of which this server hears for the first time their row; each once, whoever asks at the same time. */
export class RoomsToEnter {
  readonly #tools: ReceiveTools;
  readonly #underWay = new Map<string, Promise<RoomIdentity>>();

  constructor(tools: ReceiveTools) {
    this.#tools = tools;
  }

  /** The room, made if it is not there. Rejects where it is known with another version. */
  async find(roomId: RoomId, rules: RoomVersionRules): Promise<RoomIdentity> {
    const known = (await this.#underWay.get(roomId)) ?? (await this.#tools.rooms.find(roomId));
    const room = known ?? (await this.#make(roomId, rules));
    if (room.rules.id !== rules.id) throw new Error(`room ${roomId} has version ${room.rules.id}, not ${rules.id}`);
    return room;
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
