import * as federation from '@myelin/protocol/api/federation';

import type { Feature } from '../features/feature.ts';
import { endAbsentMembership } from '../features/room-membership/index.ts';
import { openInbound, ServerLimits, type InboundFederation } from '../federation/inbound/index.ts';
import { tieLooseEnds } from '../federation/loose-ends.ts';
import { membershipOverFederation, pduJson, type MembershipOverFederation } from '../federation/membership/index.ts';
import { OutboundFederation } from '../federation/outbound/index.ts';
import { remoteEvents, signatureVerifier } from '../federation/remote-events.ts';
import type { Route } from '../platform/http/index.ts';
import type { AppNeeds } from './needs.ts';

/** Taking part in the network: what comes in, what goes out, and whom rooms ask. */
export interface Network {
  readonly inbound: InboundFederation;
  readonly outbound: OutboundFederation;
  readonly membership: MembershipOverFederation;
  /** Begins to send, and to understand what was left in the inbox, once all features are there. */
  start(features: readonly Feature[]): Promise<void>;
  /** A route of a feature: where it is for servers, each server gets no more than its share of it (`rc_federation`). */
  limited(route: Route): Route;
  readonly feature: Feature;
}

const tidyEveryMs = 3600_000;
const tieEveryMs = 60_000;
const transactionTimeoutMs = 60_000;

/** Plugs the rooms into the network. */
export async function openNetwork(needs: AppNeeds): Promise<Network> {
  const { rooms, remoteServers: remote, config, clock } = needs;
  rooms.receiving.plugIn({ remote: remoteEvents(remote), verifier: signatureVerifier(remote) });
  const limits = new ServerLimits(config.rc_federation, clock);
  const inbound = await openInbound({
    ...needs,
    receiving: rooms.receiving,
    limits,
    health: remote.health,
    aboutAbsentUsers: (room, pdu) => endAbsentMembership(needs, room, pdu),
  });
  const outbound = await OutboundFederation.open({
    ...needs,
    send: async (server, txnId, transaction, signal) => {
      const { pdus, edus } = transaction;
      const body = { ...transaction, pdus: pdus.map(pduJson), edus: [...edus] };
      await remote.request(
        server,
        federation.sendTransaction,
        { params: { txnId }, body },
        { timeoutMs: transactionTimeoutMs, signal },
      );
    },
    health: remote.health,
    federatesWith: (server) => remote.federatesWith(server),
  });
  return {
    inbound,
    outbound,
    membership: membershipOverFederation({ ...needs, remote }),
    async start(features) {
      inbound.start(Object.fromEntries(features.flatMap(({ edus }) => Object.entries(edus ?? {}))));
      rooms.receiving.completeRooms();
      await outbound.start(features.flatMap(({ durableEdus }) => durableEdus ?? []));
    },
    // Transactions see to it themselves, for those of one server wait for each other first.
    limited: (route) => (route.contract.auth === 'server' && !inbound.routes.includes(route) ? limits.limit(route) : route),
    feature: {
      name: 'federation',
      routes: inbound.routes,
      jobs: [
        { name: 'forget old transactions', everyMs: tidyEveryMs, run: () => inbound.tidy() },
        { name: 'tie loose ends', everyMs: tieEveryMs, run: tieLooseEnds(needs) },
      ],
      async stop() {
        rooms.receiving.stop();
        await inbound.stop();
        await outbound.stop();
      },
    },
  };
}
