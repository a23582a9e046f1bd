import { Type } from 'typebox';

import * as s from '../schemas.ts';
import { EventType } from './shared.ts';

export const StateParams = Type.Object({
  roomId: s.RoomId,
  eventType: EventType,
  /** Left out: the empty state key. */
  stateKey: Type.Optional(Type.String()),
});

/** The empty state key may be left out, and its slash too; https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey */
export const keylessStatePaths: readonly string[] = ['v3', 'r0', 'unstable', 'api/v1'].flatMap((version) => [
  `/_matrix/client/${version}/rooms/:roomId/state/:eventType`,
  `/_matrix/client/${version}/rooms/:roomId/state/:eventType/`,
]);
