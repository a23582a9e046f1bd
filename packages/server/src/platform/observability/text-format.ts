/** A line of pino's JSON as a person reads it: `2026-11-21 14:30:00.123 INFO  myelin.http request ms=1.2 status=200`. */
export function asText(line: string): string {
  const { time, level, name, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const when = String(time).replace('T', ' ').replace('Z', '');
  const parts = [when, String(level).toUpperCase().padEnd(5)];
  if (name !== undefined) parts.push(shown(name));
  if (msg !== undefined) parts.push(typeof msg === 'string' ? msg : shown(msg));
  for (const [key, value] of Object.entries(fields)) parts.push(`${key}=${shown(value)}`);
  return `${parts.join(' ')}\n${err === undefined ? '' : errorText(err)}`;
}

// A space or a line break inside a value would make two fields, or two lines, of one.
function shown(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function errorText(error: unknown): string {
  const stack = typeof error === 'object' && error !== null && 'stack' in error ? String(error.stack) : JSON.stringify(error);
  return `    ${stack.replaceAll('\n', '\n    ')}\n`;
}
