import * as federation from '@myelin/protocol/api/federation';
import { isJsonObject } from '@myelin/protocol/canonical-json';
import type { Pdu } from '@myelin/protocol/events';
import { readMember } from '@myelin/protocol/events/content';
import { domainOf, isServerName, isUserId, type ServerName, type UserId } from '@myelin/protocol/identifiers';
import { knownRoomVersions } from '@myelin/protocol/room-versions';
import { signingKeyIds } from '@myelin/protocol/signatures';

import { plainCall } from '../../remote-servers/index.ts';
import { openStateAnswer } from '../state-answer.ts';
import { askServers, type Asking } from './ask-servers.ts';
import { candidates } from './candidates.ts';
import { checkComplexity, type MostComplexity } from './check-complexity.ts';
import { signTemplate, type SignedMembership, type WantedMembership } from './handshake.ts';
import { pduJson } from './member-pdu.ts';
import { letIn, type IdentifiedPdu, type NamedRoom, type RemoteMembershipTools } from './tools.ts';

const templateTimeoutMs = 20_000;
/** The members of a small room are here by then, and its client sees the whole of it at once; of a large one nobody waits for them. */
const membersWaitedForMs = 250;
/** The answer may hold the state of the whole room. */
const joinTimeoutMs = 120_000;

/**
 * Joins a user of ours to a room that this server is not in, through one of the servers that are: template, signed join, the room's
 * state.
 * https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 */
export async function joinThroughOthers(
  tools: RemoteMembershipTools,
  wanted: WantedMembership & { readonly via: readonly ServerName[]; readonly mostComplexity?: MostComplexity },
): Promise<void> {
  const servers = await candidates(tools, wanted);
  await askServers(tools, { servers, what: 'join' }, async (server, asking) => {
    const signed = signTemplate(tools, wanted, await askTemplate(tools, server, wanted, asking));
    if (wanted.mostComplexity) await checkComplexity(tools, server, wanted.roomId, wanted.mostComplexity);
    await enterThrough(tools, server, wanted, signed);
  });
}

function askTemplate(tools: RemoteMembershipTools, server: ServerName, { roomId, user }: WantedMembership, asking: Asking) {
  const ver = knownRoomVersions().map(({ id }) => id);
  const input = { params: { roomId, userId: user }, query: { ver } };
  return tools.remote.request(server, federation.makeJoin, input, { timeoutMs: templateTimeoutMs, ...asking });
}

async function enterThrough(
  tools: RemoteMembershipTools,
  server: ServerName,
  { roomId }: WantedMembership,
  signed: SignedMembership,
): Promise<void> {
  const call = plainCall(federation.sendJoinV2, {
    params: { roomId, eventId: signed.eventId },
    query: { omit_members: true },
    body: pduJson(signed.pdu),
  });
  const answer = await openStateAnswer(tools.remote, server, call, { state: 'state', timeoutMs: joinTimeoutMs });
  const room: NamedRoom = { roomId, rules: signed.rules };
  const { nid } = await tools.rooms.receiving.enterRoom({
    ...room,
    origin: server,
    given: answer.given,
    async rest() {
      const { event, members_omitted: isPartial, servers_in_room: named } = answer.rest();
      const joinEvent = await ourJoin(tools, room, signed, event);
      return { joinEvent, ...(isPartial === true && { partial: { servers: serversAmong(named) } }) };
    },
  });
  await tools.rooms.partial.whenComplete(nid, membersWaitedForMs);
}

/** "Required if the room state has been partially omitted": whoever leaves the list out is as good as alone in the room. */
function serversAmong(named: unknown): ServerName[] {
  return Array.isArray(named)
    ? named.filter((server): server is ServerName => typeof server === 'string' && isServerName(server))
    : [];
}

/** Our join as the room has it: with the signature of the server that lets the user in, where one must. */
async function ourJoin(
  tools: RemoteMembershipTools,
  room: NamedRoom,
  { pdu, eventId }: SignedMembership,
  returned: unknown,
): Promise<Pdu> {
  const authoriser = readMember(pdu.content).joinAuthorisedVia;
  if (authoriser === undefined) return pdu;
  if (!isJsonObject(returned)) throw new Error('the answer lacks the join with the signature of who lets the user in');
  const checked = await letIn(tools, room, returned);
  if (checked.eventId !== eventId) throw new Error('the answer has another join than ours');
  if (!isSignedFor(checked, authoriser)) throw new Error(`the join lacks the signature of ${domainOf(authoriser)}`);
  return checked.pdu;
}

function isSignedFor({ pdu }: IdentifiedPdu, user: UserId): boolean {
  return isUserId(user) && signingKeyIds(pdu, domainOf(user)).length > 0;
}
