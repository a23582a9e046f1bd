import { decodeSyncToken } from '../../platform/streams/index.ts';

/**
 * A place between two events of a room. `topological` is the order of `/messages`: depth, then position. `stream` is the order in
 * which events came in: every event up to that position lies before it.
 * https://spec.matrix.org/v1.19/client-server-api/#pagination
 */
export type PaginationToken =
  | { readonly order: 'topological'; readonly depth: number; readonly position: number }
  | { readonly order: 'stream'; readonly position: number };

const topologicalGrammar = /^t(\d{1,16})-(-?\d{1,16})$/;

/** `t12-345`; the place right after the event with that depth and position. Synapse writes its own the same way. */
export function encodePaginationToken(token: PaginationToken): string {
  return token.order === 'stream' ? `s${token.position}` : `t${token.depth}-${token.position}`;
}

/** Reads tokens of `/messages` as well as those of `/sync`; undefined where `text` is neither. */
export function decodePaginationToken(text: string): PaginationToken | undefined {
  const match = topologicalGrammar.exec(text);
  if (match) {
    const [depth, position] = [Number(match[1]), Number(match[2])];
    return Number.isSafeInteger(depth) && Number.isSafeInteger(position) ? { order: 'topological', depth, position } : undefined;
  }
  const sync = decodeSyncToken(text);
  return sync && { order: 'stream', position: sync.events };
}
