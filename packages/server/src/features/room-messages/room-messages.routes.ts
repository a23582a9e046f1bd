import * as client from '@myelin/protocol/api/client';

import { route, type Route } from '../../platform/http/index.ts';
import type { MessageTools } from './message-tools.ts';
import { redactByRequest } from './redact-by-request.ts';
import { sendMessage } from './send-message.ts';
import { setState } from './set-state.ts';

/** The client endpoints that put events into rooms. */
export function messageRoutes(tools: MessageTools): Route[] {
  return [
    route(client.sendMessage, async ({ params, query, body, requester }) => ({
      event_id: await sendMessage(tools, {
        by: requester,
        roomId: params.roomId,
        type: params.eventType,
        txnId: params.txnId,
        content: body,
        ...(query.ts !== undefined && { ts: query.ts }),
      }),
    })),
    route(client.setRoomStateWithKey, async ({ params, query, body, requester }) => ({
      event_id: await setState(tools, {
        by: requester,
        roomId: params.roomId,
        type: params.eventType,
        stateKey: params.stateKey ?? '',
        content: body,
        ...(query.ts !== undefined && { ts: query.ts }),
      }),
    })),
    route(client.redactEvent, async ({ params, body, requester }) => ({
      event_id: await redactByRequest(tools, {
        by: requester,
        roomId: params.roomId,
        eventId: params.eventId,
        txnId: params.txnId,
        ...(body.reason !== undefined && { reason: body.reason }),
        withRelTypes: body.with_rel_types ?? body['org.matrix.msc3912.with_relations'] ?? [],
      }),
    })),
  ];
}
