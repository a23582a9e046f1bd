export { createReceiving, type Receiving } from './receiving.ts';
export type { CheckedPdu, DoorVerdict } from './door/at-the-door.ts';
export type { Received, Sender } from './receive-event.ts';
export type { ReceiveOutcome, ReceiveTools } from './receive-tools.ts';
export {
  noNetwork,
  type RawPdu,
  type RemoteEvents,
  type GivenState,
  type RemoteStateIds,
  type SignatureAnswer,
  type SignatureQuestion,
  type SignatureVerifier,
  type StatePiece,
} from './remote-events.ts';
export { referencesFirst } from './gather/references-first.ts';
export type { Wanted } from './backfill.ts';
export type { Entrance } from './enter/enter-room.ts';
export type { Gap } from './turn/gaps.store.ts';
export type { OutOfBandMembership } from './enter/out-of-band.ts';
