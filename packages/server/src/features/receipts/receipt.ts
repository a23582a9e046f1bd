import type { EventId, UserId } from '@myelin/protocol/identifiers';

/** `m.read` is for all to see, `m.read.private` for its user alone; https://spec.matrix.org/v1.19/client-server-api/#receipts */
export type ReceiptType = 'm.read' | 'm.read.private';

/** Up to where a user has read a room, or one thread of it. */
export interface Receipt {
  readonly roomNid: number;
  readonly userNid: number;
  readonly userId: UserId;
  readonly type: ReceiptType;
  /** `main` or the id of the thread's root; undefined for a receipt of the whole room. */
  readonly threadId: string | undefined;
  readonly eventId: EventId;
  /** The event's position in the events stream; undefined where this server does not know the event. */
  readonly eventPlace: number | undefined;
  /** When it was given, in milliseconds since 1970. */
  readonly ts: number;
  /** Its place in the receipts stream. */
  readonly position: number;
}

/**
 * Receipts as `m.receipt` events in JSON: one, or as many as are needed where a user has marked one event both with a thread and
 * without, which a single event cannot say. Of receipts that replace each other the last counts.
 * https://spec.matrix.org/v1.19/client-server-api/#mreceipt
 */
export function receiptEvents(receipts: Iterable<Receipt>): string[] {
  const latest = new Map<string, Receipt>();
  for (const receipt of receipts) latest.set(`${receipt.userNid} ${receipt.type} ${receipt.threadId ?? ''}`, receipt);
  const layers: Layer[] = [];
  for (const receipt of latest.values()) {
    const free = layers.find((layer) => !isTaken(layer, receipt));
    if (free) put(free, receipt);
    else layers.push(put(new Map(), receipt));
  }
  return layers.map(layerJson);
}

/** Event, then type, then user, to the JSON of the receipt. */
type Layer = Map<EventId, Map<ReceiptType, Map<UserId, string>>>;

function isTaken(layer: Layer, { eventId, type, userId }: Receipt): boolean {
  return layer.get(eventId)?.get(type)?.has(userId) ?? false;
}

function put(layer: Layer, { eventId, type, userId, ts, threadId }: Receipt): Layer {
  let ofEvent = layer.get(eventId);
  if (!ofEvent) layer.set(eventId, (ofEvent = new Map()));
  let ofType = ofEvent.get(type);
  if (!ofType) ofEvent.set(type, (ofType = new Map()));
  ofType.set(userId, threadId === undefined ? `{"ts":${ts}}` : `{"ts":${ts},"thread_id":${JSON.stringify(threadId)}}`);
  return layer;
}

function layerJson(layer: Layer): string {
  const content = objectJson(layer, (ofEvent) => objectJson(ofEvent, (ofType) => objectJson(ofType, (json) => json)));
  return `{"type":"m.receipt","content":${content}}`;
}

function objectJson<Value>(members: ReadonlyMap<string, Value>, json: (value: Value) => string): string {
  let text = '{';
  for (const [key, value] of members) text += `${text.length > 1 ? ',' : ''}${JSON.stringify(key)}:${json(value)}`;
  return `${text}}`;
}
