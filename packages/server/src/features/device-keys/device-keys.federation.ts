import * as federation from '@myelin/protocol/api/federation';
import { domainOf, type DeviceId, type UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import { rawJson, route, type Route } from '../../platform/http/index.ts';
import { claimOwnKeys, type ClaimNeeds } from './claim-keys.ts';
import { answerInPieces } from './queries/answer-in-pieces.ts';
import { keysForServer, type QueryNeeds } from './queries/query-keys.ts';

export type DeviceKeyFederationNeeds = Omit<QueryNeeds, 'remoteLists'> &
  Pick<ClaimNeeds, 'names' | 'oneTimeKeys'> & { readonly config: Pick<Config, 'allow_device_name_lookup_over_federation'> };

/** https://spec.matrix.org/v1.19/server-server-api/#end-to-end-encryption */
export function deviceKeyFederation(needs: DeviceKeyFederationNeeds): Route[] {
  return [
    route(federation.claimUserEncryptionKeys, async ({ body }) => {
      const own = Object.entries(body.one_time_keys).filter(([userId]) => domainOf(userId as UserId) === needs.serverName);
      return rawJson(JSON.stringify({ one_time_keys: await claimOwnKeys(needs, new Map(own)) }));
    }),

    route(federation.queryUserEncryptionKeys, async ({ body }) => {
      const wanted = new Map(Object.entries(body.device_keys)) as Map<UserId, DeviceId[]>;
      const withNames = needs.config.allow_device_name_lookup_over_federation;
      return answerInPieces(await keysForServer(needs, wanted, { withNames }), wanted.size);
    }),
  ];
}
