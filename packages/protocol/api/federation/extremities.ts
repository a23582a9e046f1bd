import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * The events of a room that nothing follows: what the next event of the answering server would follow.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/4370
 */
export const getExtremities = endpoint({
  id: 'getExtremities',
  method: 'GET',
  path: '/_matrix/federation/unstable/org.matrix.msc4370/extremities/:roomId',
  auth: 'server',
  params: shared.RoomParams,
  response: Type.Object({ prev_events: Type.Array(s.EventId) }),
});
