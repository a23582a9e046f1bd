import { LaneBrokenError } from './errors.ts';
import type { WriteLane } from './types.ts';

let nextLane = 1;

/** A write lane as the databases see it. */
export class Lane implements WriteLane {
  /** Never zero: that stands for "no lane". */
  readonly id = nextLane++;
  broken = false;

  /** The lane behind the interface. Throws when it is broken. */
  static usable(lane: WriteLane): Lane {
    if (!(lane instanceof Lane)) throw new TypeError('A write lane is made by openLane');
    if (lane.broken) throw new LaneBrokenError('An earlier write of this lane failed');
    return lane;
  }
}
