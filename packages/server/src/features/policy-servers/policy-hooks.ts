import { MatrixError } from '@myelin/protocol/errors';
import { tooLarge, type Pdu } from '@myelin/protocol/events';
import { isPolicyServerAsked, isSignedByPolicyServer } from '@myelin/protocol/policy-servers';

import type { CosignHook, ReceiveHook, ReceiveVerdict, RoomIdentity } from '../../rooms/index.ts';
import type { PolicyServerAsking } from './ask-policy-server.ts';
import type { PolicyServersOfRooms } from './named-policy-servers.ts';

export interface PolicyHooksNeeds {
  readonly policyServers: PolicyServersOfRooms;
  readonly asking: PolicyServerAsking;
}

/** What is stored of somebody else's reasons. */
const longestReason = 500;

/** Whether the room's policy server, if it has one, has a say about an event of this type and state key. */
function concernsPolicyServer(
  { policyServers }: PolicyHooksNeeds,
  event: { readonly type: string; readonly stateKey?: string | undefined },
  room: RoomIdentity,
): boolean | Promise<boolean> {
  const used = policyServers.of(room);
  if (used === undefined || !isPolicyServerAsked(event)) return false;
  return used.then((server) => server !== undefined);
}

/** Local users' events get the policy server's signature, or are not sent; https://spec.matrix.org/v1.19/server-server-api/#asking-for-a-policy-server-signature-on-an-event */
export function askBeforeSending(needs: PolicyHooksNeeds): CosignHook {
  return {
    name: 'policy server',
    isNeeded: (event, room) => concernsPolicyServer(needs, event, room),
    async cosign(pdu, room) {
      const server = await needs.policyServers.of(room);
      return server ? needs.asking.sign(server, pdu, room.rules) : pdu;
    },
  };
}

/** Events of others need it, too: without it they are soft-failed; https://spec.matrix.org/v1.19/server-server-api/#validating-policy-server-signatures */
export function checkOnReceipt(needs: PolicyHooksNeeds): ReceiveHook {
  return {
    name: 'policy server',
    concerns: (event, room) => concernsPolicyServer(needs, event, room),
    judge: (pdu, room) => judge(needs, pdu, room),
  };
}

async function judge({ policyServers, asking }: PolicyHooksNeeds, pdu: Pdu, room: RoomIdentity): Promise<ReceiveVerdict> {
  try {
    const server = await policyServers.of(room);
    if (!server || isSignedByPolicyServer(pdu, server, room.rules)) return {};
    // None, or one with a key that the room no longer has: it may sign again.
    const signed = await asking.sign(server, pdu, room.rules, { isPatient: true });
    // Nobody would take an event that is too large from us.
    return tooLarge(signed, room.rules) === undefined ? { signed } : {};
  } catch (error) {
    // Nothing is known of the event then: it is received again.
    if (!(error instanceof MatrixError)) throw error;
    return { objection: `the policy server has not signed it: ${error.message}`.slice(0, longestReason) };
  }
}
