import { rawJson, type RawJson } from './types.ts';

/** A JSON array of what is JSON text already. */
export function jsonArray(items: readonly string[]): string {
  return `[${items.join(',')}]`;
}

/** A JSON object whose values are JSON text already, as an answer. Undefined ones are left out; names are constants of the code. */
export function jsonObject(members: Readonly<Record<string, string | undefined>>): RawJson {
  return rawJson(jsonObjectText(members));
}

/** The same as text. */
export function jsonObjectText(members: Readonly<Record<string, string | undefined>>): string {
  const parts: string[] = [];
  for (const [name, json] of Object.entries(members)) if (json !== undefined) parts.push(`"${name}":${json}`);
  return `{${parts.join(',')}}`;
}
