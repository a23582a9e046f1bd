import assert from 'node:assert/strict';

import { SyncedClient } from '../synced-client.ts';
import type { HttpAnswer, HttpClient, HttpOptions } from './http-client.ts';

/** For a sync that is to show all that happened: events of other servers come many at once, and a timeline has ten of them. */
export const longTimelines = { filter: JSON.stringify({ room: { timeline: { limit: 100 } } }) };

/** Someone with an account and a device, who speaks HTTP with the server. */
export class Person {
  readonly userId: string;
  readonly password: string;
  readonly deviceId: string;
  token: string;
  readonly http: HttpClient;
  /** What a client would know by the syncs that were made without options of their own; for `expectSyncToConverge`. */
  readonly client = new SyncedClient();
  #transactions = 0;
  /** Where the last `sync` of this person ended. */
  since: string | undefined;

  constructor(parts: { userId: string; password: string; deviceId: string; token: string; http: HttpClient }) {
    this.userId = parts.userId;
    this.password = parts.password;
    this.deviceId = parts.deviceId;
    this.token = parts.token;
    this.http = parts.http;
  }

  get localpart(): string {
    return this.userId.slice(1, this.userId.indexOf(':'));
  }

  request(method: string, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
    return this.http.request(method, path, { token: this.token, ...options });
  }

  /** A request that must succeed; gives the body. */
  async ask(method: string, path: string, options: HttpOptions = {}): Promise<any> {
    const { status, body } = await this.request(method, path, options);
    assert.equal(status, 200, `${method} ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  get(path: string, query: HttpOptions['query'] = {}): Promise<any> {
    return this.ask('GET', path, { query });
  }

  put(path: string, body: unknown = {}): Promise<any> {
    return this.ask('PUT', path, { body });
  }

  post(path: string, body: unknown = {}): Promise<any> {
    return this.ask('POST', path, { body });
  }

  /** A request that must be refused with this status and code. */
  async isRefused(
    method: string,
    path: string,
    expected: { status: number; errcode: string },
    options: HttpOptions = {},
  ): Promise<any> {
    const { status, body } = await this.request(method, path, options);
    assert.deepEqual({ status, errcode: body?.errcode }, expected, `${method} ${path}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Makes a room and gives its id. */
  async createsRoom(options: Record<string, unknown> = {}): Promise<string> {
    return (await this.post('/createRoom', options)).room_id;
  }

  /** Sends a text message and gives its event id. */
  async says(text: string, roomId: string): Promise<string> {
    return this.sends(roomId, 'm.room.message', { msgtype: 'm.text', body: text });
  }

  /** Sends any message-like event and gives its id. */
  async sends(roomId: string, type: string, content: unknown): Promise<string> {
    const path = `/rooms/${encodeURIComponent(roomId)}/send/${encodeURIComponent(type)}/t${this.deviceId}-${++this.#transactions}`;
    return (await this.put(path, content)).event_id;
  }

  /** Sets a state event and gives its id. */
  async setsState(roomId: string, type: string, content: unknown, stateKey = ''): Promise<string> {
    const path = `/rooms/${encodeURIComponent(roomId)}/state/${encodeURIComponent(type)}/${encodeURIComponent(stateKey)}`;
    return (await this.put(path, content)).event_id;
  }

  /** Sends messages to devices, by user and device; a transaction id of its own unless one is given. */
  async sendsToDevices(type: string, messages: Record<string, Record<string, unknown>>, txnId?: string): Promise<void> {
    const id = txnId ?? `d${this.deviceId}-${++this.#transactions}`;
    await this.put(`/sendToDevice/${encodeURIComponent(type)}/${encodeURIComponent(id)}`, { messages });
  }

  joins(roomIdOrAlias: string, body: unknown = {}): Promise<any> {
    return this.post(`/join/${encodeURIComponent(roomIdOrAlias)}`, body);
  }

  leaves(roomId: string): Promise<any> {
    return this.post(`/rooms/${encodeURIComponent(roomId)}/leave`);
  }

  invites(other: Person | string, roomId: string): Promise<any> {
    const userId = typeof other === 'string' ? other : other.userId;
    return this.post(`/rooms/${encodeURIComponent(roomId)}/invite`, { user_id: userId });
  }

  /** What is new since this person's last sync, at once; the first is everything. */
  async syncs(query: HttpOptions['query'] = {}): Promise<any> {
    const answer = await this.get('/sync', { timeout: 0, ...(this.since !== undefined && { since: this.since }), ...query });
    const isPlain = Object.keys(query).every((name) => name === 'timeout');
    if (isPlain && this.since === this.client.nextBatch) this.client.hears(answer);
    this.since = answer.next_batch;
    return answer;
  }

  /** Waits for the next news. */
  waitsForSync(query: HttpOptions['query'] = {}): Promise<any> {
    return this.syncs({ timeout: 30_000, ...query });
  }

  /** Syncs until `test` gives something; waits for news in between, no longer than the server's patience for each. */
  async syncsUntil<T>(test: (answer: any) => T | undefined | false, query: HttpOptions['query'] = {}): Promise<T> {
    for (let round = 0; round < 50; round++) {
      const found = test(await this.waitsForSync(query));
      if (found !== undefined && found !== false) return found;
    }
    throw new Error(`${this.userId} has waited for something that did not come`);
  }
}
