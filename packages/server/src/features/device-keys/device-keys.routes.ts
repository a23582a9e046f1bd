import * as client from '@myelin/protocol/api/client';
import { invalidParam } from '@myelin/protocol/errors';
import type { DeviceId, UserId } from '@myelin/protocol/identifiers';

import { rawJson, route, type Route } from '../../platform/http/index.ts';
import { identityOf } from '../account/index.ts';
import { timeoutOf } from './ask-servers.ts';
import { claimKeys, type ClaimNeeds } from './claim-keys.ts';
import { answerInPieces } from './queries/answer-in-pieces.ts';
import { queryKeys, type QueryNeeds } from './queries/query-keys.ts';
import { uploadKeys, type UploadNeeds } from './upload-keys.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#end-to-end-encryption */
export function deviceKeyRoutes(needs: UploadNeeds & QueryNeeds & ClaimNeeds): Route[] {
  return [
    route(client.uploadKeys, async ({ body, requester }) => {
      const { deviceId } = requester;
      if (deviceId === undefined) throw invalidParam('This access token belongs to no device, so it has no keys');
      const fallbackKeys = body.fallback_keys ?? body['org.matrix.msc2732.fallback_keys'];
      const left = await uploadKeys(needs, identityOf(requester), deviceId, {
        deviceKeys: body.device_keys ?? undefined,
        oneTimeKeys: body.one_time_keys ?? undefined,
        fallbackKeys: fallbackKeys ?? undefined,
      });
      return { one_time_key_counts: { ...left } };
    }),

    route(client.queryKeys, async ({ body, requester }) => {
      const wanted = new Map(Object.entries(body.device_keys)) as Map<UserId, DeviceId[]>;
      const json = await queryKeys(needs, identityOf(requester), wanted, timeoutOf(body.timeout));
      return answerInPieces(json, wanted.size);
    }),

    route(client.claimKeys, async ({ body, requester }) => {
      const { userId } = identityOf(requester);
      const { failures, keys } = await claimKeys(needs, userId, body.one_time_keys, timeoutOf(body.timeout));
      return rawJson(JSON.stringify({ failures, one_time_keys: keys }));
    }),
  ];
}
