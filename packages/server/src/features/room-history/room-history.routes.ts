import * as client from '@myelin/protocol/api/client';

import { jsonArray, jsonObject, rawJson, route, type Route } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import { eventContext, visibleEventOrNotFound } from './event-context.ts';
import { messages, type MessagesTools } from './messages.ts';
import { roomState, roomStateEvent } from './room-state.ts';

/** The endpoints by which rooms are read back. Events are JSON texts already. */
export function roomHistoryRoutes(tools: MessagesTools): Route[] {
  const { rooms } = tools;
  return [
    route(client.getRoomEvents, async ({ params, query, requester }) => {
      const page = await messages(tools, viewerOf(requester), params.roomId, query);
      return jsonObject({
        chunk: jsonArray(page.chunk),
        start: JSON.stringify(page.start),
        end: page.end && JSON.stringify(page.end),
        state: page.state && jsonArray(page.state),
      });
    }),
    route(client.getEventContext, async ({ params, query, requester }) => {
      const context = await eventContext(tools, viewerOf(requester), params, query);
      return jsonObject({
        start: JSON.stringify(context.start),
        end: JSON.stringify(context.end),
        event: context.event,
        events_before: jsonArray(context.before),
        events_after: jsonArray(context.after),
        state: jsonArray(context.state),
      });
    }),
    route(client.getOneRoomEvent, async ({ params, requester }) => {
      const viewer = viewerOf(requester);
      const event = await visibleEventOrNotFound(rooms, viewer, params.roomId, params.eventId);
      return rawJson(await rooms.serving.serve(viewer, [event], { withRoomId: true }));
    }),
    route(client.getRoomState, async ({ params, requester }) =>
      rawJson(jsonArray(await roomState(rooms, viewerOf(requester), params.roomId))),
    ),
    route(client.getRoomStateWithKey, async ({ params, query, requester }) => {
      const { roomId, eventType: type, stateKey = '' } = params;
      return rawJson(
        await roomStateEvent(rooms, viewerOf(requester), { roomId, type, stateKey, format: query.format ?? 'content' }),
      );
    }),
  ];
}
