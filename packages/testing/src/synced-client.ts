interface Json {
  readonly [name: string]: any;
}

/** What a client has of one room. */
export interface SyncedRoom {
  membership: 'join' | 'invite' | 'knock' | 'leave';
  /** The id of the state event at each place (`type|state key`). */
  state: Map<string, string>;
  /** Ids of events since the last gap, oldest first. */
  timeline: string[];
  summary: Json;
  unread: Json;
  threads: Json;
  accountData: Map<string, unknown>;
  /** `receipt type|user|thread` to the event it stands on. */
  receipts: Map<string, string>;
}

/** The model of a client: it believes what `/sync` tells it, and nothing else. */
export class SyncedClient {
  readonly rooms = new Map<string, SyncedRoom>();
  readonly accountData = new Map<string, unknown>();
  /** Up to where it has heard; undefined before the first answer. */
  nextBatch: string | undefined;

  /** Takes in an answer to a sync that went on where this client was. */
  hears(answer: Json): void {
    this.nextBatch = answer['next_batch'];
    for (const event of answer['account_data']?.events ?? []) this.accountData.set(event.type, event.content);
    const { join, invite, knock, leave } = (answer['rooms'] ?? {}) as Json;
    for (const [roomId, room] of entries(join)) this.#joined(roomId, room);
    for (const roomId of Object.keys(invite ?? {})) this.#outside(roomId, 'invite');
    for (const roomId of Object.keys(knock ?? {})) this.#outside(roomId, 'knock');
    for (const roomId of Object.keys(leave ?? {})) this.#outside(roomId, 'leave');
  }

  /** Rooms with one of these memberships. */
  roomsWith(membership: SyncedRoom['membership']): string[] {
    return [...this.rooms]
      .filter(([, room]) => room.membership === membership)
      .map(([roomId]) => roomId)
      .sort();
  }

  #outside(roomId: string, membership: SyncedRoom['membership']): void {
    // Whatever was known is worth nothing when the user comes back: the server must tell it anew.
    this.rooms.set(roomId, { ...emptyRoom(), membership });
  }

  #joined(roomId: string, answer: Json): void {
    let room = this.rooms.get(roomId);
    if (room?.membership !== 'join') this.rooms.set(roomId, (room = emptyRoom()));
    const timeline: readonly Json[] = answer['timeline']?.events ?? [];
    if (answer['timeline']?.limited) room.timeline = [];
    for (const event of timeline) {
      // A client that is told an event twice, as after a gap, shows it once.
      if (!room.timeline.includes(event['event_id'])) room.timeline.push(event['event_id']);
    }
    const stateEvents: readonly Json[] = answer['state_after']?.events ?? [...(answer['state']?.events ?? []), ...timeline];
    for (const event of stateEvents) {
      if (event['state_key'] !== undefined) room.state.set(`${event['type']}|${event['state_key']}`, event['event_id']);
    }
    room.summary = { ...room.summary, ...answer['summary'] };
    room.unread = answer['unread_notifications'] ?? room.unread;
    room.threads = answer['unread_thread_notifications'] ?? room.threads;
    for (const event of answer['account_data']?.events ?? []) room.accountData.set(event.type, event.content);
    for (const event of answer['ephemeral']?.events ?? []) if (event.type === 'm.receipt') takeReceipts(room, event.content);
  }
}

function takeReceipts(room: SyncedRoom, content: Json): void {
  for (const [eventId, types] of entries(content)) {
    for (const [type, users] of entries(types)) {
      for (const [user, receipt] of entries(users)) room.receipts.set(`${type}|${user}|${receipt['thread_id'] ?? ''}`, eventId);
    }
  }
}

function emptyRoom(): SyncedRoom {
  return {
    membership: 'join',
    state: new Map(),
    timeline: [],
    summary: {},
    unread: {},
    threads: {},
    accountData: new Map(),
    receipts: new Map(),
  };
}

function entries(object: Json | undefined): [string, Json][] {
  return Object.entries(object ?? {});
}
