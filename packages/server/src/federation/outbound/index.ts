import { domainOf, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import type { Clock, Scheduled } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Random } from '../../platform/random.ts';
import type { Notifier } from '../../platform/streams/index.ts';
import type { Rooms, StoredEvent } from '../../rooms/index.ts';
import type { DurableEdus, Edu, EduOptions, OutgoingEdus } from '../edu.ts';
import { Deliveries, openRelay, type Delivery } from './deliveries.ts';
import { Destination, type DestinationTools } from './destination.ts';
import { eventsFromMemory } from './events-from-memory.ts';
import { missedEvents } from './missed-events.ts';
import { eventsBetween, putPosition, putRelay, readBehind, readPosition, readRelays, takeRelay } from './outbound.store.ts';
import { transmitWhatIsTaken } from './refused-transactions.ts';
import { RoomServers } from './room-servers.ts';
import { OutgoingPdus, Places, type SendTransaction, type Transaction } from './transaction.ts';

export { RoomServers } from './room-servers.ts';
export type { SendTransaction, Transaction } from './transaction.ts';

export interface OutboundNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly rooms: Pick<Rooms, 'ids' | 'events' | 'pdus' | 'timeline' | 'stream' | 'hooks' | 'partial'>;
  readonly send: SendTransaction;
  /** What is known of how well servers can be reached. */
  readonly health: {
    of(server: ServerName): Promise<{ readonly retryAt: number | undefined }>;
    onSignOfLife(listener: (server: ServerName) => void): () => void;
  };
  /** `federation_domain_whitelist`. */
  readonly federatesWith: (server: ServerName) => boolean;
}

const eventsRead = 500;
const flushAfterMs = 1000;
/** Transactions that are under way when this server ends may take so long. */
const graceMs = 3000;
const transactionsAtOnce = 300;
/** Servers that did not answer last time take their places among themselves. */
const attemptsAtOnce = 100;

/**
 * Tells other servers what happens here. It follows the events stream: each event of our own users goes into the queues of the servers that
 * it concerns. One position is durable, up to which every server has been told or is written down as behind; after a crash it goes on
 * from there, so that a server may hear something twice and never misses anything.
 */
export class OutboundFederation implements OutgoingEdus {
  readonly roomServers: RoomServers;
  readonly #needs: OutboundNeeds;
  readonly #deliveries: Deliveries;
  readonly #destinations = new Map<ServerName, Destination>();
  readonly #pdus: OutgoingPdus;
  readonly #tools: DestinationTools;
  readonly #durableEdus: DurableEdus[] = [];
  readonly #started: number;
  #transactions = 0;
  #following: Promise<void> | undefined;
  #written: number;
  #flush: Scheduled | undefined;
  readonly #stops: (() => void)[] = [];
  readonly #ending = new AbortController();
  #stopped = false;

  private constructor(needs: OutboundNeeds, position: number) {
    this.#needs = needs;
    this.#deliveries = new Deliveries(position);
    this.#written = position;
    this.#started = needs.clock.now();
    this.roomServers = new RoomServers(needs);
    needs.rooms.hooks.persist.push(this.roomServers.persistHook);
    this.#pdus = new OutgoingPdus(needs.rooms);
    const places = new Places(transactionsAtOnce);
    const attempts = new Places(attemptsAtOnce);
    this.#tools = {
      ...needs,
      transmit: (server, events, edus, isAway) => (isAway ? attempts : places).take(() => this.#transmit(server, events, edus)),
      retryAt: async (server) => (await needs.health.of(server)).retryAt,
      distributed: () => this.#deliveries.distributed,
      missed: (destinationNid, since, upTo) => missedEvents(needs, destinationNid, since, upTo),
      durableEdus: this.#durableEdus,
      onIdle: (destination) => {
        if (this.#destinations.get(destination.server) === destination) this.#destinations.delete(destination.server);
      },
    };
  }

  /** Opens it where it ended. A server that has never federated begins with what happens from now on. */
  static async open(needs: OutboundNeeds): Promise<OutboundFederation> {
    const position = (await readPosition(needs.database)) ?? needs.rooms.stream.now;
    await needs.database.write((tx) => putPosition(tx, position));
    return new OutboundFederation(needs, position);
  }

  /** How many servers did not answer and are left alone for now. */
  get resting(): number {
    let resting = 0;
    for (const destination of this.#destinations.values()) if (destination.isResting) resting += 1;
    return resting;
  }

  /** Begins to send. `durableEdus` are those that must arrive. */
  async start(durableEdus: readonly DurableEdus[] = []): Promise<void> {
    const { database, names, notifier, health, rooms } = this.#needs;
    this.#durableEdus.push(...durableEdus);
    const behind = await readBehind(database);
    const servers = await names.textsOf(behind.map(({ destinationNid }) => destinationNid));
    for (const { destinationNid, position } of behind) {
      const server = servers.get(destinationNid) as ServerName;
      const destination = new Destination(server, destinationNid, this.#tools, position);
      this.#destinations.set(server, destination);
      void destination.tryInTime();
    }
    this.#stops.push(
      notifier.onWake((stream) => {
        if (stream === rooms.stream.name) this.#follow();
      }),
      health.onSignOfLife((server) => this.#destinations.get(server)?.tryNow()),
    );
    for (const source of durableEdus) for (const server of await source.waitingServers()) await this.wakeForDurable(server);
    for (const { eventNid, originNid } of await readRelays(database)) {
      const event = await rooms.events.byNid(eventNid);
      if (event) await this.#passOn(event, (await names.textOf(originNid)) as ServerName);
    }
    this.#follow();
  }

  /**
   * Passes on an event of another server's user that this server was asked to bring in (a join, a leave, a knock): to all servers that it
   * concerns but the one it came from. Durable when it resolves; to be called before that server is answered.
   */
  async relay(event: StoredEvent, origin: ServerName): Promise<void> {
    const originNid = await this.#needs.names.idOf(origin);
    await this.#needs.database.write((tx) => putRelay(tx, event.nid, originNid));
    await this.#passOn(event, origin);
  }

  /** Something waits for a server in a table of durable EDUs. */
  async wakeForDurable(server: ServerName): Promise<void> {
    (await this.#destinationOf(server))?.wakeForDurable();
  }

  toServers(servers: Iterable<ServerName>, edu: Edu, options: EduOptions = {}): void {
    for (const server of servers) {
      const known = this.#destinations.get(server);
      if (known) known.edu(edu, options);
      else void this.#eduToNew(server, edu, options);
    }
  }

  async toRoom(roomNid: number, edu: Edu, options: EduOptions = {}): Promise<void> {
    const servers = await this.roomServers.of(roomNid);
    const { transactionsASecond } = options;
    const patienceMs = transactionsASecond === undefined ? undefined : (1000 * servers.size) / transactionsASecond;
    this.toServers(servers, edu, patienceMs === undefined ? options : { ...options, patienceMs });
  }

  async toRooms(roomNids: Iterable<number>, edu: Edu, options: EduOptions = {}): Promise<void> {
    const servers = new Set<ServerName>();
    for (const roomNid of roomNids) for (const server of await this.roomServers.of(roomNid)) servers.add(server);
    this.toServers(servers, edu, options);
  }

  /** Ends with what is under way, within seconds, and writes down how far it has come. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const stop of this.#stops) stop();
    this.#flush?.cancel();
    await this.#following;
    const cutOff = this.#needs.clock.schedule(graceMs, () => this.#ending.abort());
    await Promise.all([...this.#destinations.values()].map((destination) => destination.stop()));
    cutOff.cancel();
    await this.#writePosition();
  }

  #follow(): void {
    if (this.#following || this.#stopped) return;
    this.#following = this.#distribute()
      .catch((error: unknown) => {
        this.#needs.logger.error({ err: error }, 'events go out to other servers later');
        this.#needs.clock.schedule(flushAfterMs, () => this.#follow());
      })
      .finally(() => (this.#following = undefined));
  }

  async #distribute(): Promise<void> {
    const { rooms } = this.#needs;
    while (!this.#stopped && this.#deliveries.distributed < rooms.stream.now) {
      const { ours, upTo } = await this.#nextOfOurs(rooms.stream.now);
      for (const event of ours) {
        const destinations = await this.#destinationsOf(await this.roomServers.concernedBy(event));
        const delivery = this.#deliveries.open(event, destinations.length);
        // From here to its queues nothing waits: a server that is being caught up misses it neither here nor there.
        this.#deliveries.distributedUpTo(event.nid);
        for (const destination of destinations) destination.deliver(delivery);
      }
      this.#deliveries.distributedUpTo(upTo);
    }
    this.#flushLater();
  }

  /** The next events of our own users, and up to where there are no others. What was written just now is in memory, without a query. */
  async #nextOfOurs(now: number): Promise<{ readonly ours: readonly StoredEvent[]; readonly upTo: number }> {
    const { database, names, rooms, serverName } = this.#needs;
    const after = this.#deliveries.distributed;
    const isOurs = (sender: UserId | undefined): boolean => sender !== undefined && domainOf(sender) === serverName;
    const cached = eventsFromMemory(rooms.events, after, Math.min(now, after + eventsRead));
    if (cached.upTo > after) return { ours: cached.events.filter(({ sender }) => isOurs(sender)), upTo: cached.upTo };
    const rows = await eventsBetween(database, after, now, eventsRead);
    const senders = await names.textsOf(new Set(rows.map(({ senderNid }) => senderNid)));
    const ours = rows.filter(({ senderNid }) => isOurs(senders.get(senderNid) as UserId | undefined));
    return {
      ours: await rooms.events.listByNids(ours.map(({ eventNid }) => eventNid)),
      upTo: rows.length < eventsRead ? now : (rows.at(-1)?.eventNid ?? now),
    };
  }

  async #passOn(event: StoredEvent, origin: ServerName): Promise<void> {
    const { database, logger } = this.#needs;
    const concerned = await this.roomServers.concernedBy(event);
    concerned.delete(origin);
    const destinations = await this.#destinationsOf(concerned);
    const delivery: Delivery = openRelay(event, destinations.length, () => {
      database
        .write((tx) => takeRelay(tx, event.nid))
        .catch((error: unknown) => logger.warn({ err: error, event: event.eventId }, 'an event may be passed on twice'));
    });
    for (const destination of destinations) destination.deliver(delivery);
  }

  async #destinationsOf(servers: Iterable<ServerName>): Promise<Destination[]> {
    const destinations: Destination[] = [];
    for (const server of servers) {
      const destination = await this.#destinationOf(server);
      if (destination) destinations.push(destination);
    }
    // One that went idle while others were looked up has left the map, and another may stand in its place.
    return destinations.map((destination) => {
      const standing = this.#destinations.get(destination.server) ?? destination;
      this.#destinations.set(destination.server, standing);
      return standing;
    });
  }

  async #destinationOf(server: ServerName): Promise<Destination | undefined> {
    if (server === this.#needs.serverName || !this.#needs.federatesWith(server)) return undefined;
    const known = this.#destinations.get(server);
    if (known) return known;
    const nid = await this.#needs.names.idOf(server);
    const made = this.#destinations.get(server) ?? new Destination(server, nid, this.#tools);
    this.#destinations.set(server, made);
    return made;
  }

  async #eduToNew(server: ServerName, edu: Edu, options: EduOptions): Promise<void> {
    try {
      (await this.#destinationOf(server))?.edu(edu, options);
    } catch (error) {
      this.#needs.logger.warn({ err: error, server }, 'an ephemeral message is lost');
    }
  }

  #transmit(server: ServerName, events: readonly StoredEvent[], edus: readonly Edu[]): Promise<void> {
    return transmitWhatIsTaken(
      { events, edus },
      (part) => this.#transaction(server, part.events, part.edus),
      (part, error) => {
        const refused = { events: part.events.map(({ eventId }) => eventId), edus: part.edus.map(({ type }) => type) };
        this.#needs.logger.warn({ err: error, server, ...refused }, 'a server refuses what it is sent, for good');
      },
    );
  }

  async #transaction(server: ServerName, events: readonly StoredEvent[], edus: readonly Edu[]): Promise<void> {
    const { clock, send, serverName } = this.#needs;
    const pdus = await this.#pdus.of(events);
    // Unique among all of this server's lives, as long as its clock goes forward.
    const transactionId = `${this.#started.toString(36)}.${(++this.#transactions).toString(36)}`;
    const transaction: Transaction = {
      origin: serverName,
      origin_server_ts: clock.now(),
      pdus,
      edus: edus.map(({ type, content }) => ({ edu_type: type, content })),
    };
    await send(server, transactionId, transaction, this.#ending.signal);
  }

  #flushLater(): void {
    if (this.#stopped) return;
    this.#flush ??= this.#needs.clock.schedule(flushAfterMs, () => {
      this.#flush = undefined;
      this.#writePosition().then(
        () => {
          if (this.#written < this.#deliveries.distributed) this.#flushLater();
        },
        (error: unknown) => {
          this.#needs.logger.warn({ err: error }, 'how far other servers were told is written down later');
          this.#flushLater();
        },
      );
    });
  }

  async #writePosition(): Promise<void> {
    const position = this.#deliveries.settled;
    if (position === this.#written) return;
    await this.#needs.database.write((tx) => putPosition(tx, position));
    this.#written = position;
  }
}
