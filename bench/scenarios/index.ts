import type { Scenario } from '../scenario.ts';
import { accounts } from './accounts.ts';
import { disk } from './disk.ts';
import { fanOut } from './fan-out.ts';
import { firstSync } from './first-sync.ts';
import { keys } from './keys.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { sends } from './sends.ts';
import { start } from './start.ts';

/** In the order in which they run: those that start the server anew come before those that fill it. */
export const scenarios: readonly Scenario[] = [start, memory, sends, accounts, firstSync, disk, keys, latency, fanOut];
