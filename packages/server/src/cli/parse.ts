import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';

import { UsageError } from './usage-error.ts';

/** `parseArgs` of Node, strict, with what was wrong as a `UsageError`. `help` names the command that explains more. */
export function parse<const C extends ParseArgsConfig>(config: C, help: string): ReturnType<typeof parseArgs<C>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const [reason = ''] = error instanceof Error ? error.message.split('. To specify') : [];
    throw new UsageError(`${reason.replace(/\.$/, '')}. See ${help} --help.`, { cause: error });
  }
}
