import type { DurableEdus, EduHandler } from '../federation/edu.ts';
import type { Route } from '../platform/http/index.ts';
import type { SyncCompanion, SyncSource } from '../rooms/index.ts';

/** Something that happens by itself at intervals. Each run is bounded, and a run that is missed is no harm. */
export interface Job {
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<void>;
}

/** A thing that users would name, as data: what it serves, what it adds to `/sync`, what it does in the background. */
export interface Feature {
  readonly name: string;
  readonly routes?: readonly Route[];
  readonly sync?: readonly SyncSource[];
  /** What stands in every answer of `/sync`. */
  readonly syncCompanions?: readonly SyncCompanion[];
  readonly jobs?: readonly Job[];
  /** What takes ephemeral messages of other servers, by their type. */
  readonly edus?: Readonly<Record<string, EduHandler>>;
  /** Ephemeral messages to other servers that must arrive. */
  readonly durableEdus?: DurableEdus;
  /** Writes down what memory holds before the server ends. */
  stop?(): Promise<void>;
}
