import { sql, type Database, type Tx } from '../../platform/database/index.ts';

/** A state event that names another among its auth events. */
export interface AuthChild {
  readonly nid: number;
  readonly typeNid: number;
  readonly stateKeyNid: number;
}

const childrenAtOnce = 200;
const newest = Number.MAX_SAFE_INTEGER;

/** The auth edges of state events against their direction: which state events rest on this one. Forwards, the events tell themselves. */
export class AuthEdges {
  readonly #database: Database;
  /** Of writes that wait for their commit, by auth event. */
  readonly #pending = new Map<number, Map<number, AuthChild>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Puts a state event's edges into a write; they can be read at once. */
  write(tx: Tx, child: AuthChild, authNids: readonly number[]): void {
    if (authNids.length === 0) return;
    const rows = [...new Set(authNids)].map((authNid) => [authNid, child.nid]);
    tx.insertMany('auth_edges', ['auth_nid', 'event_nid'], rows, '(auth_nid, event_nid) DO NOTHING');
    for (const authNid of authNids) {
      let waiting = this.#pending.get(authNid);
      if (!waiting) this.#pending.set(authNid, (waiting = new Map<number, AuthChild>()));
      waiting.set(child.nid, child);
    }
    tx.onCommit(() => this.forgetPending([child.nid], authNids));
  }

  /** Edges of events that are committed now, or never will be; from these auth events or from all. */
  forgetPending(childNids: readonly number[], authNids: Iterable<number> = [...this.#pending.keys()]): void {
    for (const authNid of authNids) {
      const waiting = this.#pending.get(authNid);
      if (!waiting) continue;
      for (const nid of childNids) waiting.delete(nid);
      if (waiting.size === 0) this.#pending.delete(authNid);
    }
  }

  /** The state events that name this one, newest first, some at a time: who finds an answer early need not read them all. */
  async *childrenOf(authNid: number): AsyncGenerator<readonly AuthChild[]> {
    const pending = this.#pending.get(authNid);
    if (pending) yield [...pending.values()];
    for (let before = newest; ;) {
      const rows = await this.#database.all<{ event_nid: number; type_nid: number; state_key_nid: number }>(
        sql`SELECT a.event_nid, e.type_nid, e.state_key_nid FROM auth_edges a JOIN events e ON e.event_nid = a.event_nid
            WHERE a.auth_nid = ${authNid} AND a.event_nid < ${before} AND e.verdict <> 2 AND e.state_key_nid IS NOT NULL
            ORDER BY a.event_nid DESC LIMIT ${childrenAtOnce}`,
      );
      if (rows.length > 0) {
        yield rows.map((row) => ({ nid: row.event_nid, typeNid: row.type_nid, stateKeyNid: row.state_key_nid }));
      }
      const last = rows.at(-1);
      if (!last || rows.length < childrenAtOnce) return;
      before = last.event_nid;
    }
  }
}
