import { domainOf, type ServerName } from '@myelin/protocol/identifiers';
import type { SigningKey } from '@myelin/protocol/signatures';

import { ByteCache, type CacheBudget } from '../platform/cache/index.ts';
import type { Clock } from '../platform/clock.ts';
import { sql, type Database, type Interner } from '../platform/database/index.ts';
import type { Logger } from '../platform/observability/index.ts';
import type { Random } from '../platform/random.ts';
import { RecentChanges, Stream, StreamSequence, type Notifier } from '../platform/streams/index.ts';
import { EventStore } from './events/event-store.ts';
import { PduStore } from './events/pdu-store.ts';
import { EventServing } from './events/serve-events.ts';
import type { StoredEvent } from './events/stored-event.ts';
import { StateResolver } from './forks/index.ts';
import { RoomHooks } from './hooks.ts';
import { Memberships } from './membership/memberships.ts';
import { PartialRooms } from './partial/index.ts';
import { createReceiving, noNetwork, type Receiving, type ReceiveTools } from './receive/index.ts';
import { RoomIds, type RoomIdentity } from './room-ids.ts';
import { RoomRegistry } from './room-registry.ts';
import type { Room } from './room.ts';
import { createRoom, type CreateTools, type NewRoom } from './send/create-room.ts';
import type { EventDraft } from './send/event-draft.ts';
import { insteadOfSending } from './send/instead-of-sending.ts';
import { prepareEvent, type PreparedEvent } from './send/prepare-event.ts';
import { cosigned, cosignersOf, Cosigning } from './send/send-cosigned.ts';
import { allowedDraft, internDraft, sendEvents, type Alongside, type SendTools } from './send/send-events.ts';
import { TransactionIds } from './send/transaction-ids.ts';
import { AuthChains } from './servers/auth-chain.ts';
import { createNodeCache, openStateTree, RoomStates } from './state/index.ts';
import { Timeline } from './timeline/timeline.ts';
import { Visibility } from './visibility/visible-events.ts';

export interface RoomsNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly caches: CacheBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly signingKey: SigningKey;
  /** The ids of all keys of this server that others can get, old ones among them; its signing key alone unless given. */
  readonly publishedKeys?: ReadonlySet<string>;
}

export interface SendOptions {
  /** More for the same transaction, once the events have their ids. */
  readonly alongside?: Alongside;
  /** Sends even where nothing would change: for those who need an event of their own (an upgrade, a redaction). */
  readonly evenIfUnchanged?: boolean;
  /** Sends the one state event only while the event in force is this one, by its nid; otherwise nothing is sent. */
  readonly onlyInPlaceOf?: number;
}

/** The room engine: what a room is, who is in it, what happened there. */
export interface Rooms {
  readonly serverName: ServerName;
  readonly ids: RoomIds;
  readonly events: EventStore;
  readonly pdus: PduStore;
  readonly states: RoomStates;
  readonly memberships: Memberships;
  readonly timeline: Timeline;
  readonly visibility: Visibility;
  readonly serving: EventServing;
  readonly transactionIds: TransactionIds;
  readonly hooks: RoomHooks;
  /** The events stream: "now" is up to where everything can be read. */
  readonly stream: Stream;
  /** Which rooms got events lately. */
  readonly recent: RecentChanges;
  /** Which rooms lack members, and who waits for them. */
  readonly partial: PartialRooms;
  /** What events rest on, for other servers. */
  readonly authChains: AuthChains;
  /** How events of other servers enter a room. */
  readonly receiving: Receiving;
  /**
   * Sends local users' events into a room, one upon the other, all or none; resolves when they are durable. A state event that
   * changes nothing is not sent again: the one in force is the answer.
   * Where somebody else is to sign the events (`CosignHook`), they are sent one by one, each whether or not a later one can be.
   * Throws M_FORBIDDEN with the rule that says no, M_TOO_LARGE, M_BAD_JSON, and what who is to sign says.
   */
  send(room: RoomIdentity, drafts: readonly EventDraft[], options?: SendOptions): Promise<readonly StoredEvent[]>;
  /** What a draft would become if it were sent now, without sending it, with the signatures that it needs; see `prepareEvent`. */
  prepare(room: RoomIdentity, draft: EventDraft): Promise<PreparedEvent>;
  /** Makes a room with its first events; all of them, or there is no room. */
  create(room: NewRoom): Promise<{ identity: RoomIdentity; sent: readonly StoredEvent[] }>;
  /**
   * Runs `work` between the writes of a room: its head is what all earlier ones make, and what `work` writes in `room.lane` is
   * committed after them and before all later ones. For what must agree with the room's state without being part of it.
   */
  inTurn<T>(room: RoomIdentity, work: (room: Room) => Promise<T>): Promise<T>;
}

const bytesOfAnId = 120;

/** Builds the room engine over a database whose schema is up to date. */
export async function openRooms(needs: RoomsNeeds): Promise<Rooms> {
  const { database, names, caches, clock, random, serverName } = needs;
  const hooks = new RoomHooks();
  const ids = new RoomIds(database);
  const events = new EventStore({
    database,
    names,
    rooms: ids,
    events: new ByteCache<number, StoredEvent>({ budget: caches, cost: (event) => event.cost }),
    eventNids: new ByteCache<string, number>({ budget: caches, cost: () => bytesOfAnId }),
  });
  const memberships = new Memberships(database, await names.idOf(serverName));
  const tree = await openStateTree({
    database,
    cache: createNodeCache(caches),
    random,
    memberType: await names.idOf('m.room.member'),
  });
  const states = new RoomStates({ database, names, events, tree });
  const resolver = new StateResolver({ states, events, names, edges: events.authEdges });
  const last = await database.get<{ last: number | null }>(sql`SELECT MAX(event_nid) AS last FROM events`);
  const stream = new Stream('events', new StreamSequence(last?.last ?? 0), needs.notifier);
  const recent = new RecentChanges(last?.last ?? 0);
  const registry = new RoomRegistry({ database, events, memberships });
  const pdus = new PduStore(events, {
    serverName,
    signingKey: needs.signingKey,
    publishedKeys: needs.publishedKeys ?? new Set([needs.signingKey.keyId]),
  });
  const transactionIds = new TransactionIds(database, last?.last ?? 0);
  needs.notifier.setLocalMembers((roomNid) => memberships.loadedLocalMembers(roomNid));
  hooks.persist.push({
    name: 'recent changes',
    prepare: (batch) => {
      if (batch.historical) return undefined;
      return (tx) => tx.onCommit(() => recent.changed(batch.room.nid, batch.events.at(-1)?.position ?? batch.position ?? 0));
    },
  });
  const tools: SendTools = {
    database,
    names,
    events,
    states,
    resolver,
    pdus,
    memberships,
    registry,
    stream,
    hooks,
    clock,
    random,
    serverName,
    signingKey: needs.signingKey,
    onHookFailure: (hook, error) => needs.logger.error({ err: error, hook }, 'what was to follow an event has failed'),
  };
  let nextRoomNid = await ids.nextNid();
  let lastCreated = 0;
  const createTools: SendTools & CreateTools = {
    ...tools,
    rooms: ids,
    nextRoomNid: () => nextRoomNid++,
    uniqueTimestamp: () => (lastCreated = Math.max(clock.now(), lastCreated + 1)),
  };
  const partial = await PartialRooms.open(needs);
  const first = await database.get<{ first: number | null }>(sql`SELECT MIN(position) AS first FROM events WHERE position < 0`);
  let firstPosition = first?.first ?? 0;
  const receiveTools: ReceiveTools = {
    ...createTools,
    partial,
    logger: needs.logger,
    network: { remote: noNetwork, verifier: noNetwork },
    positionsBefore: (count) => (firstPosition -= count),
  };
  const cosigning = new Cosigning(receiveTools);
  return {
    serverName,
    ids,
    events,
    pdus,
    states,
    memberships,
    timeline: new Timeline({ database, events }),
    visibility: new Visibility({ database, rooms: ids, events, states, memberships, hooks }),
    serving: new EventServing({ database, clock, rooms: ids, events, pdus, transactionIds, hooks }),
    transactionIds,
    hooks,
    stream,
    recent,
    partial,
    authChains: new AuthChains({ events, caches }),
    receiving: createReceiving(receiveTools),
    async send(room, drafts, options) {
      await membersFor(partial, room, drafts);
      return send(tools, cosigning, room, drafts, options);
    },
    async prepare(room, draft) {
      await membersFor(partial, room, [draft]);
      const prepared = await prepareEvent(tools, room, draft);
      // A template is for another server to sign, and to be looked at when it comes back.
      if (domainOf(draft.sender) !== serverName) return prepared;
      const cosigners = await cosignersOf(hooks, draft, room);
      return cosigners.length === 0 ? prepared : { ...prepared, pdu: await cosigned(cosigners, prepared.pdu, room) };
    },
    create: (room) => createRoom(createTools, room),
    inTurn: (room, work) => registry.inTurn(room, work),
  };
}

/** What somebody does to another rests on the other's membership, which may be on its way. */
async function membersFor(partial: PartialRooms, { nid }: RoomIdentity, drafts: readonly EventDraft[]): Promise<void> {
  const concernsOthers = drafts.some(({ type, stateKey, sender }) => type === 'm.room.member' && stateKey !== sender);
  if (concernsOthers && partial.of(nid)) await partial.untilComplete(nid);
}

async function send(
  tools: SendTools,
  cosigning: Cosigning,
  identity: RoomIdentity,
  drafts: readonly EventDraft[],
  options: SendOptions = {},
): Promise<readonly StoredEvent[]> {
  const cosigners = await Promise.all(drafts.map((draft) => cosignersOf(tools.hooks, draft, identity)));
  if (cosigners.some(({ length }) => length > 0)) {
    const all: StoredEvent[] = [];
    for (const [index, draft] of drafts.entries()) {
      all.push(...(await cosigning.send(identity, draft, cosigners[index] ?? [], options)));
    }
    return all;
  }
  const allowed = await Promise.all(
    drafts.map(async (draft) => {
      const allowed = await allowedDraft(tools.hooks, draft, identity);
      return { ...allowed, ...(await internDraft(tools.names, allowed)) };
    }),
  );
  const { sent, durable } = await tools.registry.inTurn(identity, async (room) => {
    const [only] = allowed;
    const instead = only && allowed.length === 1 ? await insteadOfSending(tools, room, only, options) : undefined;
    if (instead) return { sent: instead, durable: Promise.resolve() };
    return sendEvents(tools, room, allowed, options.alongside);
  });
  await durable;
  return sent;
}
