import type { HttpLoad } from './load/http-load.ts';
import type { World } from './load/world.ts';
import type { Server } from './servers/server.ts';

/** One number about one server. */
export interface Measurement {
  /** Begins with two blanks where it explains the number above it. */
  readonly what: string;
  readonly value: number;
  readonly unit: 'a second' | 'ms' | 'MB' | 'bytes';
  /** Which is better, more of it or less? */
  readonly better: 'more' | 'less';
  /** The server was given more than it could do: the number says how long the queue got, and compares with nothing. */
  readonly overloaded?: boolean;
  /** What a reader has to know before believing it. */
  readonly notes?: readonly string[];
}

/** A server under load. */
export interface Target {
  readonly server: Server;
  readonly http: HttpLoad;
  readonly world: World;
}

export interface Scenario {
  readonly name: string;
  /** What is done, in a line. */
  readonly title: string;
  /** Throws `NotHere` where this server cannot be measured like that. */
  run(target: Target, sizes: Sizes): Promise<Measurement[]>;
}

/** A scenario that does not fit a server, with the reason as a sentence. */
export class NotHere extends Error {}

export interface Sizes {
  readonly starts: number;
  readonly senders: readonly number[];
  readonly sendSeconds: number;
  readonly accounts: number;
  readonly rooms: number;
  readonly devices: number;
  readonly storedMessages: number;
  readonly storedChanges: number;
  readonly pollers: number;
  readonly peopleInRoom: number;
  readonly ratesASecond: readonly number[];
  readonly rateSeconds: number;
  readonly hallMessages: number;
  readonly keyedDevices: number;
}

export const fullSizes: Sizes = {
  starts: 3,
  senders: [1, 10, 50],
  sendSeconds: 4,
  accounts: 200,
  rooms: 200,
  devices: 20,
  storedMessages: 2_000,
  storedChanges: 500,
  pollers: 500,
  peopleInRoom: 10,
  ratesASecond: [50, 100, 500],
  rateSeconds: 5,
  hallMessages: 10,
  keyedDevices: 200,
};

/** Enough to see that everything works, and nothing more. */
export const quickSizes: Sizes = {
  starts: 1,
  senders: [1, 5],
  sendSeconds: 0.5,
  accounts: 10,
  rooms: 5,
  devices: 3,
  storedMessages: 100,
  storedChanges: 20,
  pollers: 20,
  peopleInRoom: 5,
  ratesASecond: [20],
  rateSeconds: 1,
  hallMessages: 3,
  keyedDevices: 5,
};
