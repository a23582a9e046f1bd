import { isJsonObject, setOwn } from '@myelin/protocol/canonical-json';
import { invalidParam } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import { fitsInBytes } from '@myelin/protocol/identifiers';

/** Where a room's tags stand in its account data. */
export const tagsType = 'm.tag';
const maxTagBytes = 255;

/** The tags in the content of `m.tag`; none where there is no such content or it was spoilt by a client. */
export function tagsIn(content: JsonObject | undefined): JsonObject {
  const tags = content?.['tags'];
  return isJsonObject(tags) ? tags : {};
}

/**
 * The content of `m.tag` with one tag more, or with other details of it. Throws M_INVALID_PARAM for a name of more than 255 bytes.
 * https://spec.matrix.org/v1.19/client-server-api/#room-tagging
 */
export function withTag(content: JsonObject | undefined, tag: string, details: JsonObject): JsonObject {
  if (!fitsInBytes(tag, maxTagBytes)) throw invalidParam(`The name of a tag must not exceed ${maxTagBytes} bytes`);
  const tags: JsonObject = {};
  for (const [name, value] of Object.entries(tagsIn(content))) setOwn(tags, name, value);
  setOwn(tags, tag, details);
  return { ...content, tags };
}

/** The content without a tag; undefined where the room does not have it. */
export function withoutTag(content: JsonObject | undefined, tag: string): JsonObject | undefined {
  const before = tagsIn(content);
  if (!Object.hasOwn(before, tag)) return undefined;
  const tags: JsonObject = {};
  for (const [name, value] of Object.entries(before)) if (name !== tag) setOwn(tags, name, value);
  return { ...content, tags };
}
