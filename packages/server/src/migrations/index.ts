import type { Migration } from '../platform/database/index.ts';
import foundation from './0001-foundation.ts';
import stateTree from './0010-state-tree.ts';
import rooms from './0011-rooms.ts';

/** Every step of the schema, in order. A new one goes last, in a file `NNNN-name.ts`; one that was released is never changed. */
export const migrations: readonly Migration[] = [foundation, stateTree, rooms];
