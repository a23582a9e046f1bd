import type { ContractCheck } from '@myelin/testing';
import {
  ClientEvent,
  createClient,
  Direction,
  EventType,
  MsgType,
  RelationType,
  SyncState,
  type EmittedEvents,
  type MatrixClient,
  type MatrixEvent,
  type Room,
} from 'matrix-js-sdk';
import { logger, type Logger } from 'matrix-js-sdk/lib/logger.js';

const quiet = (): void => undefined;
export const silent: Logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, getChild: () => silent };

// oxlint-disable-next-line typescript/no-deprecated -- some parts of the SDK use it whatever logger their client has
(logger as { setLevel?: (level: 'silent') => void }).setLevel?.('silent');

/** The SDK's own way to the network, with each answer held against the spec. */
export function fetchUnder(contract: ContractCheck): typeof globalThis.fetch {
  return async (input, init) => {
    // oxlint-disable-next-line no-restricted-globals -- the SDK is to run as it does in a browser
    const response = await fetch(input, init);
    const url = input instanceof Request ? input.url : input.toString();
    const text = await response.clone().text();
    const body: unknown = text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined;
    contract.check({ method: init?.method ?? 'GET', url, status: response.status, body });
    return response;
  };
}

const patienceMs = 30_000;

/** Somebody with an unmodified client: matrix-js-sdk, as web clients use it. */
export class Talker {
  readonly client: MatrixClient;

  constructor(client: MatrixClient) {
    this.client = client;
  }

  /** Registers an account. */
  static async registers(baseUrl: string, name: string, contract: ContractCheck): Promise<Talker> {
    const guest = createClient({ baseUrl, logger: silent });
    const answer = await guest.registerRequest({ username: name, password: `${name}'s secret`, auth: { type: 'm.login.dummy' } });
    return Talker.#signedIn(baseUrl, answer as SignedIn, contract);
  }

  /** Logs an account in on a new device. */
  static async logsIn(baseUrl: string, name: string, contract: ContractCheck): Promise<Talker> {
    const answer = await createClient({ baseUrl, logger: silent }).loginRequest({
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: name },
      password: `${name}'s secret`,
    });
    return Talker.#signedIn(baseUrl, answer, contract);
  }

  static #signedIn(baseUrl: string, account: SignedIn, contract: ContractCheck): Talker {
    const { user_id: userId, access_token: accessToken, device_id: deviceId } = account;
    const fetchFn = fetchUnder(contract);
    return new Talker(createClient({ baseUrl, userId, accessToken, deviceId, logger: silent, fetchFn }));
  }

  get userId(): string {
    return this.client.getSafeUserId();
  }

  /** Goes online, and waits for the first sync. */
  async startsListening(): Promise<void> {
    const ready = this.#waitsFor(
      ClientEvent.Sync,
      (state: SyncState) => state === SyncState.Prepared || state === SyncState.Syncing,
    );
    await this.client.startClient({ initialSyncLimit: 20, pollTimeout: 5000 });
    await ready;
  }

  stopsListening(): void {
    this.client.stopClient();
  }

  /** Sends a text and gives its event id. */
  async says(roomId: string, body: string): Promise<string> {
    return (await this.client.sendMessage(roomId, { msgtype: MsgType.Text, body })).event_id;
  }

  async edits(roomId: string, eventId: string, body: string): Promise<string> {
    const content = {
      msgtype: MsgType.Text as const,
      body: `* ${body}`,
      'm.new_content': { msgtype: MsgType.Text as const, body },
      'm.relates_to': { rel_type: RelationType.Replace as const, event_id: eventId },
    };
    return (await this.client.sendMessage(roomId, content)).event_id;
  }

  async reacts(roomId: string, eventId: string, key: string): Promise<string> {
    const content = { 'm.relates_to': { rel_type: RelationType.Annotation as const, event_id: eventId, key } };
    return (await this.client.sendEvent(roomId, EventType.Reaction, content)).event_id;
  }

  /** The bodies of the messages in the live timeline, edits applied, oldest first. */
  hears(roomId: string): string[] {
    return this.#messages(roomId).map((event) => String(event.getContent()['body']));
  }

  /** The ids of all events of the live timeline, oldest first. */
  eventIds(roomId: string): string[] {
    return this.room(roomId)
      .getLiveTimeline()
      .getEvents()
      .map((event) => event.getId() ?? '');
  }

  room(roomId: string): Room {
    const room = this.client.getRoom(roomId);
    if (!room) throw new Error(`${this.userId} knows no room ${roomId}`);
    return room;
  }

  /** Events of the client at which its picture may change. */
  protected get moments(): readonly EmittedEvents[] {
    return [ClientEvent.Sync, ClientEvent.Event];
  }

  /** Waits until the client's picture of its rooms shows something; looks again at each change that sync brings. */
  async sees(what: string, isThere: () => boolean): Promise<void> {
    if (isThere()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (isThere()) resolve();
    };
    const timer = setTimeout(() => reject(new Error(`${this.userId} waits in vain: ${what}`)), patienceMs);
    // Aggregations settle one turn after the event.
    const later = (): void => void setTimeout(look, 0);
    for (const moment of this.moments) this.client.on(moment, later);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      for (const moment of this.moments) this.client.off(moment, later);
    }
  }

  /** Pages back until the start of the room. */
  async pagesBackToTheStart(roomId: string): Promise<void> {
    const room = this.room(roomId);
    for (let page = 0; page < 100; page++) {
      await this.client.scrollback(room, 20);
      if (room.getLiveTimeline().getPaginationToken(Direction.Backward) === null) return;
    }
  }

  #messages(roomId: string): MatrixEvent[] {
    return this.room(roomId)
      .getLiveTimeline()
      .getEvents()
      .filter((event) => event.getType() === 'm.room.message' && !event.isRelation(RelationType.Replace));
  }

  #waitsFor(moment: ClientEvent.Sync, isIt: (state: SyncState) => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const listen = (state: SyncState): void => {
      if (!isIt(state)) return;
      this.client.off(moment, listen);
      resolve();
    };
    this.client.on(moment, listen);
    return promise;
  }
}

interface SignedIn {
  readonly user_id: string;
  readonly access_token: string;
  readonly device_id: string;
}
