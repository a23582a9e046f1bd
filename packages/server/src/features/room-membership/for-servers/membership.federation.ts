import * as federation from '@myelin/protocol/api/federation';
import { parseExactJson } from '@myelin/protocol/canonical-json';
import { invalidParam } from '@myelin/protocol/errors';
import type { EventId, RoomId, ServerName } from '@myelin/protocol/identifiers';

import { pduJson, shownPdus } from '../../../federation/membership/index.ts';
import { answer, rawJson, route, type HttpRequest, type Route } from '../../../platform/http/index.ts';
import { exchangeThirdPartyInvite } from './exchange-third-party-invite.ts';
import { onBind } from './on-bind.ts';
import { receiveInvite } from './receive-invite.ts';
import { complexityForServer } from './room-complexity.ts';
import { acceptJoin } from './send-join.ts';
import type { ServerMembershipTools } from './server-tools.ts';
import { takeSubmission, type Submission } from './submitted-event.ts';
import { membershipTemplate } from './templates.ts';

/** The endpoints by which other servers' users get into rooms, out of them, and are let in. */
export function membershipFederation(tools: ServerMembershipTools): Route[] {
  const bind = onBind(tools);
  return [
    route(federation.makeJoin, ({ params, query, requester }) =>
      membershipTemplate(tools, {
        membership: 'join',
        roomId: params.roomId,
        user: params.userId,
        origin: requester.origin,
        versions: query.ver ?? ['1'],
      }),
    ),
    route(federation.sendJoinV2, async ({ query, ...input }) =>
      rawJson(await acceptJoin(tools, { ...submissionOf(input), omitMembers: query.omit_members ?? false })),
    ),
    route(federation.sendJoinV1, async (input) =>
      rawJson(['[200,', ...(await acceptJoin(tools, { ...submissionOf(input), omitMembers: false })), ']']),
    ),
    route(federation.makeKnock, ({ params, query, requester }) =>
      membershipTemplate(tools, {
        membership: 'knock',
        roomId: params.roomId,
        user: params.userId,
        origin: requester.origin,
        versions: query.ver,
      }),
    ),
    route(federation.sendKnock, async (input) => {
      const { room, event } = await takeSubmission(tools, { ...submissionOf(input), membership: 'knock' });
      return { knock_room_state: (await shownPdus(tools.rooms, room, event)).map(pduJson) };
    }),
    route(federation.makeLeave, ({ params, requester }) =>
      membershipTemplate(tools, {
        membership: 'leave',
        roomId: params.roomId,
        user: params.userId,
        origin: requester.origin,
      }),
    ),
    route(federation.sendLeaveV2, async (input) => {
      await takeSubmission(tools, { ...submissionOf(input), membership: 'leave' });
      return {};
    }),
    route(federation.sendLeaveV1, async (input) => {
      await takeSubmission(tools, { ...submissionOf(input), membership: 'leave' });
      return answer({ body: [200, {}] });
    }),
    route(federation.sendInviteV2, async ({ params, body, requester, request }) => {
      const exactEvent = (): unknown => (exactBody(request) as { readonly event?: unknown }).event;
      const shown = body.invite_room_state;
      const invite = { ...params, origin: requester.origin, version: body.room_version, shown, exactEvent };
      return { event: pduJson(await receiveInvite(tools, { ...invite, event: body.event })) };
    }),
    route(federation.sendInviteV1, async ({ params, body, requester, request }) => {
      const { unsigned } = body as { readonly unsigned?: { readonly invite_room_state?: readonly unknown[] } };
      const shown = unsigned?.invite_room_state;
      const invite = { ...params, origin: requester.origin, version: '1', shown: Array.isArray(shown) ? shown : [] };
      const exactEvent = (): unknown => exactBody(request);
      return answer({ body: [200, { event: await receiveInvite(tools, { ...invite, event: body, exactEvent }) }] });
    }),
    route(federation.exchangeThirdPartyInvite, async ({ params, body, requester }) => {
      if (body.room_id !== params.roomId) throw invalidParam('The event is one of another room');
      await exchangeThirdPartyInvite(tools, {
        roomId: params.roomId,
        origin: requester.origin,
        sender: body.sender,
        target: body.state_key,
        thirdPartyInvite: body.content.third_party_invite,
      });
      return {};
    }),
    ...[federation.onBindThirdPartyIdentifier, federation.onBindThirdPartyIdentifierByPost].map((contract) =>
      route(contract, async ({ body }) => {
        await bind(body);
        return {};
      }),
    ),
    route(federation.getRoomComplexity, async ({ params, requester }) => ({
      v1: await complexityForServer(tools, params.roomId, requester.origin),
    })),
  ];
}

/** The event that a request hands in. */
function submissionOf(input: {
  readonly params: { readonly roomId: RoomId; readonly eventId: EventId };
  readonly body: unknown;
  readonly requester: { readonly origin: ServerName };
  readonly request: HttpRequest;
}): Omit<Submission, 'membership'> {
  const { params, body, requester, request } = input;
  return { ...params, origin: requester.origin, event: body, eventText: request.bodyText };
}

/** The body with numbers as they were spelt. */
function exactBody({ bodyText }: HttpRequest): unknown {
  return parseExactJson(bodyText ?? '{}');
}
