import { invalidParam, MatrixError, tooLarge } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';

import type { Database, Interner } from '../../platform/database/index.ts';
import { RecentChanges, Stream, StreamSequence, type Notifier } from '../../platform/streams/index.ts';
import { Turns } from '../../platform/turns.ts';
import { allOfUser, contentOf, eraseContents, lastPosition, putContent, wholeAccount } from './account-data.store.ts';

export interface AccountDataNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
}

/** Something that a user keeps has changed; content undefined: it was deleted. */
export interface AccountDataChange {
  readonly userNid: number;
  /** Undefined for what belongs to the account as a whole. */
  readonly roomNid: number | undefined;
  readonly type: string;
  readonly content: JsonObject | undefined;
}

/** What the server itself keeps under a type that clients read as account data but do not write: `m.push_rules`. */
export type ServerManagedReader = (userNid: number) => Promise<JsonObject | undefined>;

/** The most that one piece may hold, in characters of JSON: what clients keep for themselves is no event, but no file store either. */
export const maxContentLength = 1024 * 1024;

/**
 * What users keep on the server for their clients, for the account or for one of its rooms. What one user keeps is changed in the
 * order in which it was asked for.
 * https://spec.matrix.org/v1.19/client-server-api/#client-config
 */
export class AccountData {
  readonly stream: Stream;
  /** Which users' data changed lately. */
  readonly recent: RecentChanges;
  readonly #database: Database;
  readonly #names: Interner;
  readonly #turns = new Turns<number>();
  readonly #listeners: ((change: AccountDataChange) => void)[] = [];
  readonly #serverManaged = new Map<string, ServerManagedReader | undefined>([
    ['m.fully_read', undefined],
    ['m.push_rules', undefined],
  ]);

  private constructor(needs: AccountDataNeeds, last: number) {
    this.#database = needs.database;
    this.#names = needs.names;
    this.stream = new Stream('account_data', new StreamSequence(last), needs.notifier);
    this.recent = new RecentChanges(last);
  }

  static async open(needs: AccountDataNeeds): Promise<AccountData> {
    return new AccountData(needs, await lastPosition(needs.database));
  }

  /** Calls the listener after each change is durable. It must not throw. */
  onChange(listener: (change: AccountDataChange) => void): void {
    this.#listeners.push(listener);
  }

  /** Has a type of the whole account answered by the feature that manages it. */
  serveFrom(type: string, reader: ServerManagedReader): void {
    this.#serverManaged.set(type, reader);
  }

  /**
   * Throws M_BAD_JSON with status 405 for a type that the server manages.
   * https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-5
   */
  refuseServerManaged(type: string): void {
    if (!this.#serverManaged.has(type)) return;
    throw new MatrixError('M_BAD_JSON', `${type} is managed by the server and cannot be set through this API`, { status: 405 });
  }

  /** What a user keeps under a type, as JSON text; undefined where there is nothing. */
  async read(userNid: number, type: string, roomNid: number = wholeAccount): Promise<string | undefined> {
    const reader = roomNid === wholeAccount ? this.#serverManaged.get(type) : undefined;
    if (reader) {
      const content = await reader(userNid);
      return content && JSON.stringify(content);
    }
    const typeNid = await this.#names.knownIdOf(type);
    return typeNid === undefined ? undefined : contentOf(this.#database, userNid, roomNid, typeNid);
  }

  /** The same as a value. */
  async readContent(userNid: number, type: string, roomNid: number = wholeAccount): Promise<JsonObject | undefined> {
    const text = await this.read(userNid, type, roomNid);
    return text === undefined ? undefined : (JSON.parse(text) as JsonObject);
  }

  /** Keeps content under a type, in place of what was there; durable when it resolves. Throws M_TOO_LARGE. */
  async set(userNid: number, type: string, content: JsonObject, roomNid: number = wholeAccount): Promise<void> {
    await this.update(userNid, type, roomNid, () => Promise.resolve({ content }));
  }

  /** Deletes what is kept under a type; followers are told of an empty object. Nothing where there is none. (MSC3391) */
  async delete(userNid: number, type: string, roomNid: number = wholeAccount): Promise<void> {
    await this.update(userNid, type, roomNid, (before) =>
      Promise.resolve(before === undefined ? undefined : { content: undefined }),
    );
  }

  /**
   * Changes what is kept under a type by what is there. `change` returns undefined to leave it as it is, `{ content: undefined }` to
   * delete it. No other change of this user's data comes between; so `change` must not make one itself.
   */
  update(
    userNid: number,
    type: string,
    roomNid: number,
    change: (before: JsonObject | undefined) => Promise<{ readonly content: JsonObject | undefined } | undefined>,
  ): Promise<void> {
    if (type.includes('\0')) return Promise.reject(invalidParam('The type contains a character that it cannot have'));
    return this.#turns.take(userNid, async () => {
      const typeNid = await this.#names.idOf(type);
      const before = await contentOf(this.#database, userNid, roomNid, typeNid);
      const after = await change(before === undefined ? undefined : (JSON.parse(before) as JsonObject));
      if (after) await this.#write({ userNid, roomNid, type, typeNid, content: after.content });
    });
  }

  /** The account has ended: its secrets go, and all else that it kept. Nobody follows it any more, so nobody is woken. */
  forget(userNid: number): Promise<void> {
    return this.#turns.take(userNid, async () => {
      const kept = await allOfUser(this.#database, this.#names, userNid);
      await this.#database.write((tx) => eraseContents(tx, userNid));
      for (const { roomNid, type } of kept) this.#tell({ userNid, roomNid, type, content: undefined });
    });
  }

  async #write(datum: {
    userNid: number;
    roomNid: number;
    type: string;
    typeNid: number;
    content: JsonObject | undefined;
  }): Promise<void> {
    const { userNid, roomNid, type, typeNid, content } = datum;
    const text = content && JSON.stringify(content);
    if (text !== undefined && text.length > maxContentLength)
      throw tooLarge(`Account data of more than ${maxContentLength} bytes`);
    const slot = this.stream.allocate();
    try {
      await this.#database.write((tx) => {
        putContent(tx, { userNid, roomNid, typeNid, position: slot.position, content: text });
        tx.onCommit(() => this.recent.changed(userNid, slot.position));
        slot.commitWith(tx, { users: [userNid] });
      });
    } catch (error) {
      slot.abandon();
      throw error;
    }
    this.#tell({ userNid, roomNid, type, content });
  }

  #tell({ roomNid, ...change }: AccountDataChange & { readonly roomNid: number }): void {
    for (const listener of this.#listeners) listener({ ...change, roomNid: roomNid === wholeAccount ? undefined : roomNid });
  }
}
