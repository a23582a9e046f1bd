import type { RoomId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { RoomIdentity } from '../room-ids.ts';
import { backfill, type Wanted } from './backfill.ts';
import { Completions } from './complete/index.ts';
import { asCheckedEvent, atTheDoor, type CheckedPdu, type DoorVerdict } from './door/at-the-door.ts';
import { enterRoom, type Entrance } from './enter/enter-room.ts';
import { receiveOutOfBand, type OutOfBandMembership } from './enter/out-of-band.ts';
import { RoomsToEnter } from './enter/rooms-to-enter.ts';
import { receiveEvent, type Received, type Sender } from './receive-event.ts';
import type { ReceiveOutcome, ReceiveTools } from './receive-tools.ts';
import type { RawPdu, RemoteEvents, SignatureVerifier } from './remote-events.ts';
import { gapsOf, type Gap } from './turn/gaps.store.ts';

/** How events of other servers enter a room. */
export interface Receiving {
  /** Tells where other servers are to be asked, and who knows their keys. Called once, when the server takes part in the network. */
  plugIn(network: { readonly remote: RemoteEvents; readonly verifier: SignatureVerifier }): void;
  /**
   * The checks that need no history: form, signatures, hash. One verdict for each event, in order. An event is parsed JSON or its text;
   * room versions 1 to 5 need the text (or what `parseExactJson` made of it) where an event has floats.
   */
  atTheDoor(room: Pick<RoomIdentity, 'roomId' | 'rules'>, pdus: readonly RawPdu[]): Promise<DoorVerdict[]>;
  /** Takes an event that has passed the door into its room. Durable when it resolves; one that is known changes nothing. */
  receive(room: RoomIdentity, event: CheckedPdu, from: Sender): Promise<ReceiveOutcome>;
  /**
   * The same for one event after another: it resolves when the next one can build on this one, which is before it is durable. What
   * comes of a write that fails, fails too.
   */
  place(room: RoomIdentity, event: CheckedPdu, from: Sender): Promise<Received>;
  /**
   * Enters a room through another server, for the first time or after all local users had left it. Durable when it resolves. Throws
   * M_FORBIDDEN where the join is not allowed by the state that came with it, M_UNKNOWN where that is nonsense.
   */
  enterRoom(entrance: Entrance): Promise<RoomIdentity>;
  /**
   * Keeps a local user's membership of a room in which this server is not: an invitation, or what became of it or of a knock. False where
   * this server is in the room, and nothing was kept: the event is to be received as any other. Throws M_UNKNOWN for what is no
   * membership of a local user.
   */
  receiveOutOfBand(roomId: RoomId, rules: RoomVersionRules, membership: OutOfBandMembership): Promise<boolean>;
  /** Goes on fetching the members of rooms that were entered without them. Called once, when other servers can be asked. */
  completeRooms(): void;
  /** Ends what goes on in the background. */
  stop(): void;
  /** Fetches history from behind the room's gaps; how many events came in. */
  backfill(room: RoomIdentity, wanted: Wanted): Promise<number>;
  /** Events that this server knows of and does not have, those that lie nearest to now first. */
  gaps(room: RoomIdentity, limit: number): Promise<Gap[]>;
}

export function createReceiving(tools: ReceiveTools): Receiving {
  const roomsToEnter = new RoomsToEnter(tools);
  const completions = new Completions(tools);
  /** Entrances of one room, one after another: the second finds this server in the room. */
  const entering = new Map<RoomId, Promise<unknown>>();
  return {
    plugIn: ({ remote, verifier }) => void Object.assign(tools.network, { remote, verifier }),
    atTheDoor: (room, pdus) => atTheDoor(tools.network.verifier, room, pdus),
    async receive(room, event, from) {
      const { outcome, durable } = await receiveEvent(tools, room, asCheckedEvent(event, room), from);
      await durable;
      return outcome;
    },
    place: (room, event, from) => receiveEvent(tools, room, asCheckedEvent(event, room), from),
    enterRoom(entrance) {
      const { roomId } = entrance;
      const entered = (entering.get(roomId) ?? Promise.resolve()).then(async () => {
        const room = await roomsToEnter.find(roomId, entrance.rules);
        await enterRoom(tools, room, entrance);
        completions.start(room.nid);
        return room;
      });
      const done: Promise<unknown> = entered
        .catch(() => undefined)
        .then(() => entering.get(roomId) === done && entering.delete(roomId));
      entering.set(roomId, done);
      return entered;
    },
    async receiveOutOfBand(roomId, rules, membership) {
      return receiveOutOfBand(tools, await roomsToEnter.find(roomId, rules), membership);
    },
    completeRooms: () => completions.resume(),
    stop: () => completions.stop(),
    backfill: (room, wanted) => backfill(tools, room, wanted),
    gaps: (room, limit) => gapsOf(tools.database, room, limit),
  };
}
