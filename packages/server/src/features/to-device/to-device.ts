import {
  CanonicalJsonError,
  encodeCanonicalJson,
  encodeLenientCanonicalJson,
  type CanonicalJsonEncoder,
} from '@myelin/protocol/canonical-json';
import { badJson, tooLarge } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import { domainOf, type DeviceId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import { ByteCache, stringBytes, type CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner, Tx } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Random } from '../../platform/random.ts';
import type { Limiter } from '../../platform/rate-limits/index.ts';
import { RecentChanges, Stream, type Notifier } from '../../platform/streams/index.ts';
import { limitUnknownServers } from '../../remote-servers/index.ts';
import type { Viewer } from '../../rooms/index.ts';
import type { Devices } from '../devices/index.ts';
import { directToDevice, mostEduBytes, type Addressed } from './direct-to-device.ts';
import { ReservedPositions } from './reserved-positions.ts';
import { putIntoOutbox } from './to-device.federation.store.ts';
import {
  anythingWaits,
  putMessages,
  rememberSending,
  takeAllMessages,
  takeMessages,
  waitingMessages,
  wasSent,
  type SendingScope,
  type WaitingMessage,
} from './to-device.store.ts';

export interface ToDeviceNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly caches: CacheBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly devices: Pick<Devices, 'idsOf' | 'onDeleted'>;
  readonly limiters: Readonly<Record<string, Limiter>>;
  /** `federation_domain_whitelist`. */
  readonly federatesWith: (server: ServerName) => boolean;
  /** Says that something waits for a server. */
  readonly wakeServer: (server: ServerName) => Promise<void>;
}

/** Messages of one type from one sender. */
export interface DeviceMessages {
  readonly sender: UserId;
  readonly type: string;
  /** By user and device; `*` is each device of the user that is not named itself. */
  readonly messages: ReadonlyMap<UserId, ReadonlyMap<string, JsonObject>>;
}

/** `*` in the place of a device id. */
export const everyDevice = '*';
/** One request or EDU is one write, which must not hold up the others: so many messages at most, with `*` written out. */
export const mostMessages = 10_000;
/** And so many bytes, with `*` written out: somewhat more than the body of a request may have that names each device. */
const mostBytes = 16 * 1024 * 1024;
/** Characters of a message id, which may have 32; https://spec.matrix.org/v1.19/server-server-api/#definition-mdirect_to_device */
const messageIdLength = 24;

interface LocalMessage {
  readonly userNid: number;
  readonly deviceId: DeviceId;
  readonly message: string;
}

/** What stands in the inboxes of devices here, and in the queues for other servers. Nothing is given up before it was taken. */
export class ToDevice {
  readonly stream: Stream;
  /** Users of whose devices one got something lately. */
  readonly recent: RecentChanges;
  readonly #needs: ToDeviceNeeds;
  readonly #positions: ReservedPositions;
  /** Requests under way: a client that asks again before the answer gets the same answer. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** By device: up to here nothing waits, and never will again. */
  readonly #emptyUpTo: ByteCache<string, number>;

  private constructor(needs: ToDeviceNeeds, positions: ReservedPositions) {
    this.#needs = needs;
    this.#positions = positions;
    this.stream = new Stream('to_device', positions.sequence, needs.notifier);
    this.recent = new RecentChanges(this.stream.now);
    this.#emptyUpTo = new ByteCache({ budget: needs.caches, cost: (_position, key) => stringBytes(key) });
    needs.devices.onDeleted((tx, { user, deviceIds }) => {
      takeAllMessages(tx, user.userNid, deviceIds);
      tx.onCommit(() => this.#clearAgain(user.userNid, deviceIds));
    });
  }

  static async open(needs: ToDeviceNeeds): Promise<ToDevice> {
    return new ToDevice(needs, await ReservedPositions.open(needs.database));
  }

  /**
   * A client sends. What is asked for again with the same transaction id is not delivered again, also after a restart. Durable when it
   * resolves. Throws M_TOO_LARGE; M_LIMIT_EXCEEDED for too many requests for keys, or servers that are unknown here.
   */
  async send(by: Viewer, message: Omit<DeviceMessages, 'sender'>, txnId: string): Promise<void> {
    const { database, clock } = this.#needs;
    // Tokens of application services may belong to no device.
    const scope: SendingScope = { userNid: by.userNid, deviceId: by.deviceId ?? ('' as DeviceId), type: message.type, txnId };
    const key = JSON.stringify(scope);
    const running = this.#underWay.get(key);
    if (running) return running;
    const sending = (async () => {
      if (await wasSent(database, scope)) return;
      this.limitKeyRequests({ sender: by.userId, ...message }, by.deviceId);
      await limitUnknownServers(this.#needs, by.userId, message.messages.keys());
      await this.deliver({ sender: by.userId, ...message }, (tx) => rememberSending(tx, scope, clock.now()));
    })().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, sending);
    return sending;
  }

  /**
   * Puts messages into inboxes and queues; `alongside` adds to the same write. Devices that are not there get nothing. Durable when it
   * resolves. Throws M_TOO_LARGE.
   */
  async deliver(message: DeviceMessages, alongside: (tx: Tx) => void = () => {}): Promise<void> {
    const { database, names, logger, wakeServer } = this.#needs;
    const local = await this.#toOurDevices(message);
    const remote = this.#toServers(message);
    if (local.length + remote.messages > mostMessages) throw tooLarge(`More than ${mostMessages} messages at once`);
    const serverNids = await names.idsOf(remote.edus.keys());
    const putQueues = (tx: Tx): void => {
      for (const [server, serverNid] of serverNids) putIntoOutbox(tx, serverNid, remote.edus.get(server as ServerName) ?? []);
      alongside(tx);
    };
    if (local.length === 0) await database.write(putQueues);
    else await this.#write(local, putQueues);
    for (const server of remote.edus.keys()) {
      // It is in the queue: if not now, it goes with what comes next.
      wakeServer(server).catch((error: unknown) => logger.warn({ err: error, server }, 'a server is told of messages later'));
    }
  }

  /** What waits for a device after `since`, oldest first, `limit` messages at most; `upTo` is where the next page begins. */
  async messagesOf(
    device: { readonly userNid: number; readonly deviceId: DeviceId },
    since: number,
    limit: number,
    upTo: number = this.stream.now,
  ): Promise<{ readonly messages: readonly WaitingMessage[]; readonly upTo: number }> {
    const found = await waitingMessages(this.#needs.database, device, { since, upTo }, limit + 1);
    const messages = found.slice(0, limit);
    return { messages, upTo: found.length > limit ? (messages.at(-1)?.position ?? since) : upTo };
  }

  /** A device has what came up to a position: it is deleted. Where nothing waits, that costs nothing. */
  async acknowledge(device: { readonly userNid: number; readonly deviceId: DeviceId }, position: number): Promise<void> {
    const { userNid, deviceId } = device;
    // A token of another life of the database (it was restored from a copy) says nothing about what is here.
    if (position > this.stream.now) return;
    const key = `${userNid} ${deviceId}`;
    const emptyUpTo = this.#emptyUpTo.get(key) ?? 0;
    if (position <= emptyUpTo) return;
    const { database } = this.#needs;
    if (this.recent.mayHaveChanged(userNid, emptyUpTo) && (await anythingWaits(database, userNid, deviceId, position))) {
      await database.write((tx) => takeMessages(tx, userNid, deviceId, position));
    }
    this.#emptyUpTo.set(key, position);
  }

  /** Empties inboxes in somebody else's write. */
  clearIn(tx: Tx, userNid: number, deviceIds: readonly DeviceId[]): void {
    takeAllMessages(tx, userNid, deviceIds);
  }

  /** Requests for keys to other users are counted, by device where it is known. Throws M_LIMIT_EXCEEDED. (`rc_key_requests`) */
  limitKeyRequests({ sender, type, messages }: DeviceMessages, deviceId = ''): void {
    if (type !== 'm.room_key_request') return;
    const others = [...messages.keys()].filter((userId) => userId !== sender).length;
    if (others > 0) this.#needs.limiters['rc_key_requests']?.limit(`${sender} ${deviceId}`, others);
  }

  /**
   * A write that was under way when devices were deleted may not have seen that, nor the deletion its messages. They would wait for the
   * next device of that name. Those that come from now on are for that.
   */
  #clearAgain(userNid: number, deviceIds: readonly DeviceId[]): void {
    const { database, logger } = this.#needs;
    const { last } = this.#positions.sequence;
    database
      .write((tx) => {
        for (const deviceId of deviceIds) takeMessages(tx, userNid, deviceId, last);
      })
      .catch((error: unknown) => logger.warn({ err: error }, 'a message to a device that was deleted may be left'));
  }

  /** The messages to devices of this server's users. */
  async #toOurDevices({ sender, type, messages }: DeviceMessages): Promise<LocalMessage[]> {
    const { names, devices, serverName } = this.#needs;
    const ours = [...messages.keys()].filter((userId) => domainOf(userId) === serverName);
    if (ours.length === 0) return [];
    const nids = await names.knownIdsOf(ours);
    const known = await devices.idsOf([...nids.values()]);
    const head = `{"type":${JSON.stringify(type)},"sender":${JSON.stringify(sender)},"content":`;
    const found: LocalMessage[] = [];
    let bytes = 0;
    for (const [userId, userNid] of nids) {
      const byDevice = messages.get(userId as UserId);
      const texts = new Map<JsonObject, string>();
      for (const deviceId of known.get(userNid) ?? []) {
        const content = byDevice?.get(deviceId) ?? byDevice?.get(everyDevice);
        if (content === undefined) continue;
        const text = texts.get(content) ?? contentText(content, encodeLenientCanonicalJson);
        texts.set(content, text);
        found.push({ userNid, deviceId, message: `${head}${text}}` });
        if (found.length > mostMessages) throw tooLarge(`More than ${mostMessages} messages at once`);
        bytes += text.length;
        if (bytes > mostBytes) throw tooLarge(`Messages of more than ${mostBytes} bytes at once`);
      }
    }
    return found;
  }

  /** The EDUs for other servers, and how many messages they hold. */
  #toServers({ sender, type, messages }: DeviceMessages): {
    readonly edus: ReadonlyMap<ServerName, string[]>;
    readonly messages: number;
  } {
    const { serverName, federatesWith, random } = this.#needs;
    const byServer = Map.groupBy(messages.keys(), (userId) => domainOf(userId));
    byServer.delete(serverName);
    const edus = new Map<ServerName, string[]>();
    let count = 0;
    for (const [server, users] of byServer) {
      if (!federatesWith(server)) continue;
      const addressed: Addressed[] = [];
      for (const userId of users) {
        for (const [deviceId, content] of messages.get(userId) ?? []) {
          addressed.push({ userId, deviceId, content: contentText(content, encodeCanonicalJson) });
        }
      }
      count += addressed.length;
      if (count > mostMessages) break;
      const contents = directToDevice({ sender, type }, addressed, () => random.token(messageIdLength));
      if (contents.length > 0) edus.set(server, contents);
    }
    return { edus, messages: count };
  }

  async #write(local: readonly LocalMessage[], alongside: (tx: Tx) => void): Promise<void> {
    const { database } = this.#needs;
    const users = new Set(local.map(({ userNid }) => userNid));
    await this.#positions.with(local.length, () => {
      const slot = this.stream.allocate(local.length);
      const last = slot.position + local.length - 1;
      return database
        .write((tx) => {
          putMessages(
            tx,
            local.map((message, index) => ({ ...message, position: slot.position + index })),
          );
          alongside(tx);
          tx.onCommit(() => {
            for (const userNid of users) this.recent.changed(userNid, last);
          });
          slot.commitWith(tx, { users });
        })
        .catch((error: unknown) => {
          slot.abandon();
          throw error;
        });
    });
  }
}

/**
 * JSON that every client can read, and for other servers that each of them spells the same, or it would find our signature of all that goes
 * with it wrong: with integers alone. The same size for everybody: what cannot be told to another server is not taken for our own users
 * either. Throws M_BAD_JSON, M_TOO_LARGE.
 */
function contentText(content: JsonObject, encode: CanonicalJsonEncoder): string {
  const text = canonicalText(content, encode);
  if (Buffer.byteLength(text) > mostEduBytes) throw tooLarge(`A message to a device of more than ${mostEduBytes} bytes`);
  return text;
}

function canonicalText(content: JsonObject, encode: CanonicalJsonEncoder): string {
  try {
    return encode(content);
  } catch (error) {
    if (error instanceof CanonicalJsonError) throw badJson(error.message);
    throw error;
  }
}
