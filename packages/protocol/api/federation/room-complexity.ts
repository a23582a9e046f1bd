import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as shared from './shared.ts';

/**
 * How large a room is, for a server that is about to join it. Not part of the specification: Synapse's endpoint, which its option
 * `limit_remote_rooms` asks.
 */
export const getRoomComplexity = endpoint({
  id: 'getRoomComplexity',
  method: 'GET',
  path: '/_matrix/federation/unstable/rooms/:roomId/complexity',
  auth: 'server',
  params: shared.RoomParams,
  /** 1 stands for 500 state events. */
  response: Type.Object({ v1: Type.Number() }),
});
