import type { EventId, RoomId, ServerName } from '@myelin/protocol/identifiers';

/**
 * An event as another server sent it: the parsed JSON or, better, its text. Room versions 1 to 5 count floats and great integers as they
 * were spelt, and only the text has that.
 */
export type RawPdu = unknown;

/**
 * What a room asks of other servers. Implemented by `federation`. Each function rejects where the server cannot be reached or answers
 * nonsense, and gives undefined where it says that it has no such thing.
 */
export interface RemoteEvents {
  /** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid */
  event(server: ServerName, eventId: EventId): Promise<RawPdu>;
  /** https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid */
  missingEvents(
    server: ServerName,
    room: RoomId,
    gap: { readonly earliest: readonly EventId[]; readonly latest: readonly EventId[]; readonly limit: number },
  ): Promise<readonly RawPdu[]>;
  /** The state before an event; https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid */
  stateIds(server: ServerName, room: RoomId, eventId: EventId): Promise<RemoteStateIds | undefined>;
  /** The same with the events, while they arrive: reading them may reject as well. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid */
  state(server: ServerName, room: RoomId, eventId: EventId): Promise<GivenState | undefined>;
  /** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid */
  backfill(server: ServerName, room: RoomId, from: readonly EventId[], limit: number): Promise<readonly RawPdu[]>;
  /** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid */
  eventAuth(server: ServerName, room: RoomId, eventId: EventId): Promise<readonly RawPdu[] | undefined>;
}

export interface RemoteStateIds {
  readonly stateIds: readonly EventId[];
  readonly authChainIds: readonly EventId[];
}

/** Some events of a state that another server gives, or of what it rests on. */
export interface StatePiece {
  /** Part of the state itself, not of its auth chain only. */
  readonly inState: boolean;
  readonly events: readonly RawPdu[];
}

/** A state as it arrives: to be read once, from its beginning to its end. */
export type GivenState = AsyncIterable<StatePiece> | Iterable<StatePiece>;

/** Has this server signed this text? */
export interface SignatureQuestion {
  readonly server: ServerName;
  /** What the signature covers: the redacted event in canonical JSON. */
  readonly text: string;
  /** The server's signatures by the ids of their keys. */
  readonly signatures: Readonly<Record<string, string>>;
  /** Milliseconds since 1970 at which the key must have been valid; undefined in room versions that do not ask. */
  readonly validAt: number | undefined;
}

/** `temporary`: the key could not be had, which says nothing about the signature. */
export type SignatureAnswer =
  | { readonly valid: true }
  | { readonly valid: false; readonly reason: string; readonly temporary: boolean };

/** Knows the keys of all servers, our own among them. Implemented over `remote-servers`. */
export interface SignatureVerifier {
  /** The answers, in the order of the questions. */
  verify(questions: readonly SignatureQuestion[]): Promise<readonly SignatureAnswer[]>;
}

/** Until the server takes part in the network: nobody answers. */
export const noNetwork: RemoteEvents & SignatureVerifier = {
  event: offline,
  missingEvents: offline,
  stateIds: offline,
  state: offline,
  backfill: offline,
  eventAuth: offline,
  verify: offline,
};

function offline(): Promise<never> {
  return Promise.reject(new Error('this server takes no part in federation'));
}
