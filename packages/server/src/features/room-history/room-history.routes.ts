import * as client from '@myelin/protocol/api/client';

import { jsonArray, jsonObject, rawJson, route, type Route } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import { eventContext, visibleEventOrNotFound, visibleEventById } from './event-context.ts';
import { initialSync, roomInitialSync } from './initial-sync.ts';
import { messages, type MessagesTools } from './messages.ts';
import { oldEvents, type OldEventsTools } from './old-events.ts';
import { roomState, roomStateEvent } from './room-state.ts';
import { timestampToEvent, type EventByTimeTools } from './timestamp-to-event.ts';

/** The endpoints by which rooms are read back. Events are JSON texts already. */
export function roomHistoryRoutes(tools: OldEventsTools & EventByTimeTools & MessagesTools): Route[] {
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
    route(client.getEventByTimestamp, async ({ params, query, requester }) => {
      const wanted = { roomId: params.roomId, ts: query.ts, direction: query.dir ?? 'f' };
      const event = await timestampToEvent(tools, viewerOf(requester), wanted);
      return { event_id: event.eventId, origin_server_ts: event.originServerTs };
    }),
    ...oldRoutes(tools),
  ];
}

/** How rooms were followed before `/sync`, and how guests still look into them. */
function oldRoutes(tools: OldEventsTools): Route[] {
  return [
    route(client.roomInitialSync, async ({ params, query, requester }) =>
      rawJson(await roomInitialSync(tools, viewerOf(requester), params.roomId, query.limit)),
    ),
    route(client.initialSync, async ({ query, requester }) => rawJson(await initialSync(tools, viewerOf(requester), query))),
    route(client.getEvents, async ({ query, requester, request }) => {
      const { start, end, chunk } = await oldEvents(tools, viewerOf(requester), query, request.signal);
      return jsonObject({ start: JSON.stringify(start), end: JSON.stringify(end), chunk: jsonArray(chunk) });
    }),
    route(client.getOneEvent, async ({ params, requester }) => {
      const viewer = viewerOf(requester);
      const event = await visibleEventById(tools.rooms, viewer, params.eventId);
      return rawJson(await tools.rooms.serving.serve(viewer, [event], { withRoomId: true }));
    }),
  ];
}
