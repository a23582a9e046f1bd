import {
  buildPdu,
  eventIdOf,
  hashAndSignPdu,
  referenceHash,
  roomIdOfCreate,
  type EventReference,
  type JsonObject,
  type Pdu,
} from '@myelin/protocol/events';
import { domainOf, type EventId, type RoomId, type UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import type { FakeServer } from '@myelin/testing/network';

/** An event of a fake room, with its id. */
export interface FakeEvent {
  readonly eventId: EventId;
  readonly pdu: Pdu;
}

interface Draft {
  readonly type: string;
  readonly sender?: UserId;
  readonly stateKey?: string;
  readonly content: JsonObject;
}

const begin = 1_700_000_000_000;
let count = 0;

/** A room that exists on a fake server only: a creator, power levels, whatever a test adds, each event upon the one before. */
export class FakeRoom {
  readonly rules: RoomVersionRules;
  readonly server: FakeServer;
  readonly creator: UserId;
  readonly roomId: RoomId;
  readonly create: FakeEvent;
  readonly events: FakeEvent[] = [];
  /** Servers whose users may be in the room beside those of `server`. */
  readonly others: FakeServer[] = [];

  constructor(server: FakeServer, version: string, createContent: JsonObject = {}) {
    const rules = roomVersionRules(version);
    if (!rules) throw new Error(`no room version ${version}`);
    this.rules = rules;
    this.server = server;
    this.creator = `@mallory:${server.name}` as UserId;
    const content = { room_version: version, ...(!rules.creatorIsCreateSender && { creator: this.creator }), ...createContent };
    this.roomId = `!room${++count}:${server.name}` as RoomId;
    this.create = this.event({ type: 'm.room.create', stateKey: '', content });
    if (rules.roomIdIsCreateEventHash) this.roomId = roomIdOfCreate(this.create.eventId);
    this.adds(this.create);
    this.adds(this.event({ type: 'm.room.member', stateKey: this.creator, content: { membership: 'join' } }));
    const users: JsonObject = rules.privilegedCreators ? {} : { [this.creator]: 100 };
    this.adds(this.event({ type: 'm.room.power_levels', stateKey: '', content: { users } }));
    this.adds(this.event({ type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } }));
  }

  adds(event: FakeEvent): FakeEvent {
    this.events.push(event);
    return event;
  }

  /** The state as PDUs. */
  get state(): Pdu[] {
    return this.events.filter(({ pdu }) => pdu.state_key !== undefined).map(({ pdu }) => pdu);
  }

  /** A signed event upon the last one, authorised by all there is that could; `change` is made before it is hashed and signed. */
  event({ type, sender = this.creator, stateKey, content }: Draft, change: Partial<Pdu> = {}): FakeEvent {
    const isCreate = type === 'm.room.create';
    const last = this.events.at(-1);
    const unsigned = buildPdu(
      {
        type,
        sender,
        roomId: isCreate && this.rules.roomIdIsCreateEventHash ? undefined : this.roomId,
        stateKey,
        content,
        prevEvents: last ? [this.#reference(last)] : [],
        authEvents: isCreate ? [] : this.#authEvents({ type, stateKey, content }, sender),
        depth: this.events.length + 1,
        originServerTs: begin + ++count,
        eventId: this.rules.eventIds === 'assigned' ? (`$event${count}:${this.server.name}` as EventId) : undefined,
      },
      this.rules,
    );
    const signer = this.others.find(({ name }) => name === domainOf(sender)) ?? this.server;
    const pdu = hashAndSignPdu({ ...unsigned, ...change }, signer.name, signer.signingKey, this.rules);
    return { eventId: eventIdOf(pdu, this.rules), pdu };
  }

  /** What `make_join` and its like answer. */
  template(user: string, membership: string): JsonObject {
    const { pdu } = this.event({ type: 'm.room.member', sender: user as UserId, stateKey: user, content: { membership } });
    const { hashes: _hashes, signatures: _signatures, event_id: _id, ...event } = pdu;
    return { room_version: this.rules.id, event: event as JsonObject };
  }

  #authEvents(
    { type, stateKey, content }: Pick<Draft, 'type' | 'content'> & { stateKey: string | undefined },
    sender: UserId,
  ): EventReference[] {
    const wanted = new Set(['m.room.power_levels ', `m.room.member ${sender}`]);
    if (!this.rules.roomIdIsCreateEventHash) wanted.add('m.room.create ');
    if (type === 'm.room.member') wanted.add(`m.room.member ${stateKey ?? ''}`);
    const comes = content['membership'] === 'join' || content['membership'] === 'invite' || content['membership'] === 'knock';
    if (type === 'm.room.member' && comes) wanted.add('m.room.join_rules ');
    const latest = new Map(this.events.map((event) => [`${event.pdu.type} ${event.pdu.state_key ?? 'none'}`, event]));
    return [...wanted].flatMap((place) => {
      const event = latest.get(place);
      return event ? [this.#reference(event)] : [];
    });
  }

  #reference({ eventId, pdu }: FakeEvent): EventReference {
    return this.rules.referencesCarryHashes ? { eventId, sha256: referenceHash(pdu, this.rules) } : { eventId };
  }
}
