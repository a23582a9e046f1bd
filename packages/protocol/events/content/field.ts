import { isJsonObject, own } from '../../canonical-json/index.ts';
import type { Json, JsonObject } from '../pdu.ts';

/** The text in that field, or undefined where it is missing or something else. Strangers write content, so nothing is taken for granted. */
export function textField(content: JsonObject, key: string): string | undefined {
  const value = own(content, key);
  return typeof value === 'string' ? value : undefined;
}

/** The boolean in that field, or undefined where it is missing or something else. */
export function booleanField(content: JsonObject, key: string): boolean | undefined {
  const value = own(content, key);
  return typeof value === 'boolean' ? value : undefined;
}

/** The object in that field, or undefined where it is missing or something else. */
export function objectField(content: JsonObject, key: string): JsonObject | undefined {
  const value = own(content, key);
  return isJsonObject(value) ? value : undefined;
}

/** The items of the list in that field; empty where it is missing or something else. */
export function listField(content: JsonObject, key: string): Json[] {
  const value = own(content, key);
  return Array.isArray(value) ? value : [];
}

/** The texts of the list in that field; other items are passed over. */
export function textsField(content: JsonObject, key: string): string[] {
  return listField(content, key).filter((item) => typeof item === 'string');
}
