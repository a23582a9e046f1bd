/**
 * The streams that a client follows, in the order in which their positions stand in a token. Append only: a token of an older server
 * has fewer numbers, and a stream that is missing from it stands at 0.
 */
export const syncStreams = [
  'events',
  'receipts',
  'account_data',
  'presence',
  'typing',
  'push_rules',
  'push_counts',
  'to_device',
  'device_lists',
] as const;

export type SyncStreamName = (typeof syncStreams)[number];

/** A position in every stream: where a client has read up to. */
export type SyncToken = Readonly<Record<SyncStreamName, number>>;

const tokenGrammar = /^s\d{1,16}(_\d{1,16})*$/;

/** `s72_4_0_…`: opaque to clients, with the events position first so that `/messages` may use it. */
export function encodeSyncToken(token: SyncToken): string {
  return `s${syncStreams.map((name) => token[name]).join('_')}`;
}

/** Undefined where `text` is no token of ours. Numbers beyond the known streams are passed over. */
export function decodeSyncToken(text: string): SyncToken | undefined {
  if (!tokenGrammar.test(text)) return undefined;
  const numbers = text.slice(1).split('_').map(Number);
  if (!numbers.every((position) => Number.isSafeInteger(position))) return undefined;
  const token = {} as Record<SyncStreamName, number>;
  syncStreams.forEach((name, index) => (token[name] = numbers[index] ?? 0));
  return token;
}
