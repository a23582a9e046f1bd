import type { RoomAlias, RoomId } from '@myelin/protocol/identifiers';

/** Aliases, which the feature `room-directory` keeps. */
export interface AliasTargets {
  /** The room that an alias points to; undefined where there is none. */
  resolve(alias: RoomAlias): Promise<{ readonly roomId: RoomId } | undefined>;
}

/** An annotation as it is told from others: one user may make each of them once. */
export interface Annotation {
  readonly roomNid: number;
  readonly targetNid: number;
  readonly senderNid: number;
  readonly type: string;
  readonly key: string;
}

/** Which events relate to which, kept by the feature `relations`. */
export interface RelatedEvents {
  /** Whether the sender has annotated the event so already, redacted annotations not counted. */
  hasAnnotation(annotation: Annotation): Promise<boolean>;
  /** The numbers of the events that relate to an event in one of these ways; `*` stands for all. */
  relatedTo(roomNid: number, targetNid: number, relTypes: readonly string[]): Promise<readonly number[]>;
}
