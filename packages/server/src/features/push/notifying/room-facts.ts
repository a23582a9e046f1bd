import { effectivePowerLevels, readLevel, type PowerLevels } from '@myelin/protocol/auth-rules';
import { objectField } from '@myelin/protocol/events/content';
import type { UserId } from '@myelin/protocol/identifiers';
import type { RoomFacts } from '@myelin/protocol/push-rules';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { Room, RoomStates, StateChange, StoredEvent } from '../../../rooms/index.ts';

/** What push rules ask about the room, kept along with its writes: power levels and how many have joined. */
export class RoomFactsKeeper {
  readonly #rules: RoomVersionRules;
  #create: StoredEvent | undefined;
  #powerLevels: StoredEvent | undefined;
  #levels: PowerLevels;
  #notificationLevels: Readonly<Record<string, number>>;
  joined: number;

  constructor(room: Room, create: StoredEvent | undefined, powerLevels: StoredEvent | undefined) {
    this.#rules = room.rules;
    this.#create = create;
    this.#powerLevels = powerLevels;
    this.joined = room.head.members.get('join') ?? 0;
    [this.#levels, this.#notificationLevels] = this.#read();
  }

  /** As the room's head says before the write at hand. */
  static async load(room: Room, states: RoomStates): Promise<RoomFactsKeeper> {
    const [create, powerLevels] = await states.events(room.nid, room.head.root, [
      ['m.room.create', ''],
      ['m.room.power_levels', ''],
    ]);
    return new RoomFactsKeeper(room, create, powerLevels);
  }

  stateChanged({ type, stateKey, after }: StateChange): void {
    if (stateKey !== '') return;
    if (type === 'm.room.create') this.#create = after;
    else if (type === 'm.room.power_levels') this.#powerLevels = after;
    else return;
    [this.#levels, this.#notificationLevels] = this.#read();
  }

  of(sender: UserId): RoomFacts {
    return {
      memberCount: this.joined,
      senderPowerLevel: this.#levels.of(sender),
      notificationLevels: this.#notificationLevels,
    };
  }

  #read(): [PowerLevels, Readonly<Record<string, number>>] {
    const entries = Object.entries((this.#powerLevels && objectField(this.#powerLevels.content, 'notifications')) ?? {});
    const levels = entries.flatMap(([key, value]) => {
      const level = readLevel(value, this.#rules);
      return level === undefined ? [] : [[key, level] as const];
    });
    return [effectivePowerLevels(this.#create, this.#powerLevels, this.#rules), Object.fromEntries(levels)];
  }
}
