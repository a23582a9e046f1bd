export { buildPdu, depthAfter, maxDepth } from './build-pdu.ts';
export type { EventReference, NewEvent } from './build-pdu.ts';
export {
  contentHash,
  createEventIdOf,
  encoderFor,
  eventIdAndSignableText,
  eventIdOf,
  referenceHash,
  roomIdOfCreate,
  verifyContentHash,
} from './hash-pdu.ts';
export type { HashedReference, Json, JsonObject, Pdu, RoomEvent } from './pdu.ts';
export { redactContent, redactPdu } from './redact-pdu.ts';
export { bareIds, redactsOf, roomEventFromPdu } from './room-event.ts';
export { hashAndSignPdu, pduSignableText, signPdu, verifyPdu } from './sign-pdu.ts';
export type { UnsignedPdu } from './sign-pdu.ts';
export { checkPduFormat, maxAuthEvents, maxPduBytes, maxPrevEvents, pduSize, tooLarge } from './check-pdu-format.ts';
export type { FormatOptions, FormatVerdict } from './check-pdu-format.ts';
export * from './content/index.ts';
