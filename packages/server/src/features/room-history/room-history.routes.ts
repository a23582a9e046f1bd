import * as client from '@myelin/protocol/api/client';

import { rawJson, route, type RawJson, type Route } from '../../platform/http/index.ts';
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

/** An array of what is JSON already. */
export function jsonArray(items: readonly string[]): string {
  return `[${items.join(',')}]`;
}

/** An object whose values are JSON already; undefined ones are left out. Names are constants of ours. */
export function jsonObject(members: Readonly<Record<string, string | undefined>>): RawJson {
  const parts: string[] = [];
  for (const [name, json] of Object.entries(members)) if (json !== undefined) parts.push(`"${name}":${json}`);
  return rawJson(`{${parts.join(',')}}`);
}
