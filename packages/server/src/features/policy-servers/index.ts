import type { Rooms } from '../../rooms/index.ts';
import type { Feature } from '../feature.ts';
import { PolicyServerAsking, type PolicyServerAskingNeeds } from './ask-policy-server.ts';
import { PolicyServersOfRooms, type PolicyServersOfRoomsNeeds } from './named-policy-servers.ts';
import { askBeforeSending, checkOnReceipt } from './policy-hooks.ts';

export type PolicyServersNeeds = PolicyServerAskingNeeds & PolicyServersOfRoomsNeeds & { readonly rooms: Pick<Rooms, 'hooks'> };

/**
 * Rooms that name a policy server are asked for with each event, sent or received. This server is none itself.
 * https://spec.matrix.org/v1.19/server-server-api/#policy-servers
 */
export function policyServersFeature(needs: PolicyServersNeeds): Feature {
  const policyServers = new PolicyServersOfRooms(needs);
  const asking = new PolicyServerAsking(needs);
  const hooksNeeds = { policyServers, asking };
  const { hooks } = needs.rooms;
  hooks.persist.push(policyServers.hook);
  hooks.cosign.push(askBeforeSending(hooksNeeds));
  hooks.receive.push(checkOnReceipt(hooksNeeds));
  return { name: 'policy-servers', stop: () => Promise.resolve(asking.stop()) };
}
