export { CanonicalJsonError } from './canonical-json-error.ts';
export { codePointOrder } from './code-point-order.ts';
export { encodeCanonicalJson, encodeLenientCanonicalJson } from './encode.ts';
export type { CanonicalJsonEncoder } from './encode.ts';
export { isExactNumber, mayHoldInexactNumbers, parseExactJson } from './exact-numbers.ts';
export { maxJsonDepth } from './max-depth.ts';
export { isJsonObject, own, setOwn } from './own-members.ts';
export { parseJson } from './parse-json.ts';
