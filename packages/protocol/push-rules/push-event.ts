import type { Json, JsonObject } from '../events/pdu.ts';
import type { RoomEvent } from '../events/pdu.ts';
import { parsePropertyPath, valueAtPath } from '../globs/index.ts';

/** What push rules read of an event. */
export type PushEvent = Pick<RoomEvent, 'eventId' | 'roomId' | 'type' | 'sender' | 'stateKey' | 'content'> &
  Partial<Pick<RoomEvent, 'originServerTs'>>;

/** A property that rules ask for, parsed once when a rule is compiled. */
export interface PropertyKey {
  /** Equal for equal paths, however they were escaped. */
  readonly id: string;
  readonly names: readonly string[];
}

/** The key of a condition. */
export function propertyKey(path: string): PropertyKey {
  const names = parsePropertyPath(path);
  return { id: JSON.stringify(names), names };
}

/** The body of a message, in which words are looked for. */
export const bodyKey = propertyKey('content.body');

/** An event with each property that some rule asks for looked up once, however many people's rules ask. */
export interface PropertyReader {
  /** Undefined where the event has no such property. */
  value(key: PropertyKey): Json | undefined;
  /** The value in lower case, where it is text. */
  lowered(key: PropertyKey): string | undefined;
}

/** Reads an event as clients see it. */
export function propertyReader(event: PushEvent): PropertyReader {
  const shown: JsonObject = {
    type: event.type,
    sender: event.sender,
    room_id: event.roomId,
    event_id: event.eventId,
    content: event.content,
    ...(event.stateKey === undefined ? {} : { state_key: event.stateKey }),
    ...(event.originServerTs === undefined ? {} : { origin_server_ts: event.originServerTs }),
  };
  const values = new Map<string, Json | undefined>();
  const texts = new Map<string, string | undefined>();

  function value(key: PropertyKey): Json | undefined {
    if (!values.has(key.id)) values.set(key.id, valueAtPath(shown, key.names));
    return values.get(key.id);
  }

  function lowered(key: PropertyKey): string | undefined {
    if (!texts.has(key.id)) {
      const found = value(key);
      texts.set(key.id, typeof found === 'string' ? found.toLowerCase() : undefined);
    }
    return texts.get(key.id);
  }

  return { value, lowered };
}
