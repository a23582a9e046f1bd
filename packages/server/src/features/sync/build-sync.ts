import type { JsonObject } from '@myelin/protocol/events';
import type { CompiledEventFilter } from '@myelin/protocol/filters';

import type { Database } from '../../platform/database/index.ts';
import { encodeSyncToken } from '../../platform/streams/index.ts';
import { strippedStateOf, type SyncPart, type SyncScope } from '../../rooms/index.ts';
import { joinedRoomPart, leftRoomPart, type RoomPart, type RoomTools } from './room/room-part.ts';
import { roomsOfSync, type RoomsOfSync } from './rooms-of-sync.ts';
import type { SyncSources } from './sync-sources.ts';
import type { SyncView } from './sync-view.ts';

export interface SyncTools extends RoomTools {
  readonly database: Database;
  readonly sources: SyncSources;
}

/** An answer as pieces of JSON text, and whether it says anything beyond its token. */
export interface SyncAnswer {
  readonly parts: readonly string[];
  readonly hasNews: boolean;
  readonly nextBatch: string;
}

/** Rooms whose parts are made at the same time. */
const roomsAtOnce = 16;

/**
 * Everything, or what changed between two tokens, for one client.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
 */
export async function buildSync(tools: SyncTools, view: SyncView): Promise<SyncAnswer> {
  const rooms = await roomsOfSync(tools, view);
  const joined = new Map<number, RoomPart>();
  await inBatches(rooms.moved, async (room) => {
    const part = await joinedRoomPart(tools, view, room);
    if (part) joined.set(room.nid, part);
  });
  const scope: SyncScope = {
    viewer: view.viewer,
    joinedRooms: rooms.joined,
    newRooms: new Set(rooms.moved.filter(({ since }) => since === undefined || view.fullState).map(({ nid }) => nid)),
    roomsWithEvents: new Set(Array.from(joined).flatMap(([nid, part]) => (part.hasEvents ? nid : []))),
    threadCounts: view.filter.unreadThreadNotifications,
    since: view.since,
    upTo: view.upTo,
  };
  const { parts, toldUpTo } = await tools.sources.ask(scope, view.since, view.upTo);
  const others = otherMembers(view, parts);
  const sections = [
    section('join', await joinedRooms(tools, view, rooms, joined, parts)),
    section('invite', await invitedRooms(tools, view, rooms)),
    section('knock', await knockedRooms(tools, view, rooms)),
    section('leave', await leftRooms(tools, view, rooms, parts)),
  ].filter((text) => text !== undefined);
  const nextBatch = encodeSyncToken(toldUpTo);
  const answer = [`{"next_batch":${JSON.stringify(nextBatch)}`];
  for (const text of others) answer.push(',', text);
  if (sections.length > 0) answer.push(',"rooms":{', sections.join(','), '}');
  answer.push('}');
  return { parts: answer, hasNews: others.length > 0 || sections.length > 0, nextBatch };
}

/** The answer that says nothing but how far the client has read. */
export function emptyAnswer(nextBatch: string): SyncAnswer {
  return { parts: [`{"next_batch":${JSON.stringify(nextBatch)}}`], hasNews: false, nextBatch };
}

/** The same answer with members that stand in every answer. */
export function withMembers(answer: SyncAnswer, members: Readonly<Record<string, string>>): SyncAnswer {
  const named = Object.entries(members).map(([name, json]) => `,${JSON.stringify(name)}:${json}`);
  if (named.length === 0) return answer;
  const last = answer.parts.at(-1) ?? '';
  return { ...answer, parts: [...answer.parts.slice(0, -1), last.slice(0, -1), ...named, '}'] };
}

type Sections = Map<number, string>;

async function joinedRooms(
  tools: SyncTools,
  view: SyncView,
  rooms: RoomsOfSync,
  joined: ReadonlyMap<number, RoomPart>,
  parts: readonly SyncPart[],
): Promise<string[]> {
  const additions = roomAdditions(view, rooms.joined, parts);
  const named: string[] = [];
  for (const nid of new Set([...joined.keys(), ...additions.keys()])) {
    const members = [joined.get(nid)?.json, additions.get(nid)].filter((text) => text !== undefined);
    named.push(await namedRoom(tools, nid, members.join(',')));
  }
  return named;
}

/** What the sources have to say of joined rooms, by room. */
function roomAdditions(view: SyncView, joined: ReadonlySet<number>, parts: readonly SyncPart[]): Sections {
  const ephemeral = mergedLists(parts.map((part) => part.ephemeral));
  const accountData = mergedLists(parts.map((part) => part.roomAccountData));
  const additions: Sections = new Map();
  const add = (nid: number, member: string): void => {
    if (!joined.has(nid)) return;
    const before = additions.get(nid);
    additions.set(nid, before === undefined ? member : `${before},${member}`);
  };
  for (const [nid, events] of ephemeral) addEvents(nid, 'ephemeral', events, view.filter.ephemeral, add);
  for (const [nid, events] of accountData) addEvents(nid, 'account_data', events, view.filter.roomAccountData, add);
  for (const { unread } of parts) {
    for (const [nid, counts] of unread ?? []) {
      add(nid, `"unread_notifications":${countsJson(counts)}`);
      if (!view.filter.unreadThreadNotifications) continue;
      const threads = Array.from(counts.threads ?? [], ([thread, count]) => `${JSON.stringify(thread)}:${countsJson(count)}`);
      add(nid, `"unread_thread_notifications":{${threads.join(',')}}`);
    }
  }
  return additions;
}

function addEvents(
  nid: number,
  name: string,
  events: readonly string[],
  filter: CompiledEventFilter,
  add: (nid: number, member: string) => void,
): void {
  const wanted = filteredJson(events, filter);
  if (wanted.length > 0) add(nid, `"${name}":{"events":[${wanted.join(',')}]}`);
}

function countsJson({ notifications, highlights }: { notifications: number; highlights: number }): string {
  return `{"highlight_count":${highlights},"notification_count":${notifications}}`;
}

async function invitedRooms(tools: SyncTools, view: SyncView, { invited }: RoomsOfSync): Promise<string[]> {
  if (invited.length === 0) return [];
  const ignored = await tools.rooms.hooks.ignoredUsers(view.viewer.userNid);
  const invites = await tools.rooms.events.byNids(invited.map(({ eventNid }) => eventNid));
  const shown: string[] = [];
  for (const { nid, eventNid } of invited) {
    if (ignored.has(invites.get(eventNid)?.sender ?? '')) continue;
    shown.push(await strippedRoom(tools, view, nid, 'invite_state'));
  }
  return shown;
}

function knockedRooms(tools: SyncTools, view: SyncView, { knocked }: RoomsOfSync): Promise<string[]> {
  return Promise.all(knocked.map(({ nid }) => strippedRoom(tools, view, nid, 'knock_state')));
}

async function strippedRoom(tools: SyncTools, view: SyncView, nid: number, member: string): Promise<string> {
  const events = (await strippedStateOf(tools.database, view.viewer.userNid, nid)) ?? '[]';
  return namedRoom(tools, nid, `"${member}":{"events":${events}}`);
}

async function leftRooms(tools: SyncTools, view: SyncView, { left }: RoomsOfSync, parts: readonly SyncPart[]): Promise<string[]> {
  if (left.length === 0) return [];
  const accountData = mergedLists(parts.map((part) => part.roomAccountData));
  const texts = new Map<number, string>();
  await inBatches(left, async (room) => {
    const text = await leftRoomPart(tools, view, room);
    if (text === undefined) return;
    texts.set(room.nid, text);
    const events = accountData.get(room.nid) ?? [];
    addEvents(room.nid, 'account_data', events, view.filter.roomAccountData, (nid, member) =>
      texts.set(nid, `${text},${member}`),
    );
  });
  return Promise.all(Array.from(texts, ([nid, text]) => namedRoom(tools, nid, text)));
}

async function namedRoom(tools: SyncTools, nid: number, members: string): Promise<string> {
  const { roomId } = await tools.rooms.ids.byNid(nid);
  return `${JSON.stringify(roomId)}:{${members}}`;
}

function section(name: string, rooms: readonly string[]): string | undefined {
  return rooms.length === 0 ? undefined : `"${name}":{${rooms.join(',')}}`;
}

/** The members of the answer beside `rooms`. */
function otherMembers(view: SyncView, parts: readonly SyncPart[]): string[] {
  const members: string[] = [];
  const addList = (name: string, events: readonly string[]): void => {
    if (events.length > 0) members.push(`"${name}":{"events":[${events.join(',')}]}`);
  };
  addList(
    'account_data',
    filteredJson(
      parts.flatMap((part) => part.accountData ?? []),
      view.filter.accountData,
    ),
  );
  addList(
    'presence',
    filteredJson(
      parts.flatMap((part) => part.presence ?? []),
      view.filter.presence,
    ),
  );
  addList(
    'to_device',
    parts.flatMap((part) => part.toDevice ?? []),
  );
  for (const part of parts) {
    for (const [name, json] of Object.entries(part.members ?? {})) members.push(`${JSON.stringify(name)}:${json}`);
  }
  return members;
}

/** Events that are text already are read only where the filter must look into them. */
function filteredJson(events: readonly string[], filter: CompiledEventFilter): readonly string[] {
  if (filter.passesAll || events.length === 0) return events;
  if (filter.passesNone) return [];
  return events.filter((json) => {
    const { type, sender, content } = JSON.parse(json) as { type: string; sender?: string; content: JsonObject };
    return filter.matches({ type, sender, content });
  });
}

function mergedLists(maps: readonly (ReadonlyMap<number, readonly string[]> | undefined)[]): Map<number, readonly string[]> {
  const merged = new Map<number, readonly string[]>();
  for (const map of maps) for (const [nid, list] of map ?? []) merged.set(nid, [...(merged.get(nid) ?? []), ...list]);
  return merged;
}

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += roomsAtOnce) {
    await Promise.all(items.slice(start, start + roomsAtOnce).map(work));
  }
}
