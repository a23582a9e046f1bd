export { CanonicalJsonError } from './canonical-json-error.ts';
export { codePointOrder } from './code-point-order.ts';
export { encodeCanonicalJson, encodeLenientCanonicalJson } from './encode.ts';
export type { CanonicalJsonEncoder } from './encode.ts';
export { maxJsonDepth } from './fault.ts';
export { isJsonObject, own, setOwn } from './own-members.ts';
export { parseJson } from './parse-json.ts';
