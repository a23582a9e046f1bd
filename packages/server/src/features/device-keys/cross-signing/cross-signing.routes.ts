import * as client from '@myelin/protocol/api/client';
import type { CrossSigningKeyValue } from '@myelin/protocol/api/client';
import type { JsonObject } from '@myelin/protocol/events';

import { route, type Route } from '../../../platform/http/index.ts';
import { type Confirmation, identityOf } from '../../account/index.ts';
import type { UserInteractiveAuth } from '../../user-interactive-auth/index.ts';
import { timeoutOf } from '../ask-servers.ts';
import type { KeyOwner } from '../device-keys.ts';
import type { QueryNeeds } from '../queries/query-keys.ts';
import { checkedUpload, type CrossSigningUpload } from './check-cross-signing.ts';
import { type CrossSigningNeeds, putCrossSigning } from './put-cross-signing.ts';
import { putSignatures } from './put-signatures.ts';

export interface CrossSigningRoutesNeeds extends CrossSigningNeeds, QueryNeeds {
  readonly userInteractiveAuth: UserInteractiveAuth;
  readonly confirmation: Confirmation;
}

/** https://spec.matrix.org/v1.19/client-server-api/#cross-signing */
export function crossSigningRoutes(needs: CrossSigningRoutesNeeds): Route[] {
  return [
    route(client.uploadCrossSigningKeys, async ({ body, request, requester }) => {
      const user = identityOf(requester);
      const upload = uploadOf(user, body);
      // Whoever confirms may leave out what they have asked before.
      const isConfirmation = upload.size === 0 && body.auth !== undefined;
      // Application services confirm nothing: nobody sits in front of them.
      const proved = requester.appservice !== undefined;
      if (!isConfirmation && (await putCrossSigning(needs, user, upload, { proved }))) return {};
      const flows = await needs.confirmation.flowsFor(requester);
      const proof = await needs.userInteractiveAuth.prove({ request, body, requester, flows, earlierProofWillDo: true });
      if (!proof.done) return proof.answer;
      await proof.claim();
      await putCrossSigning(needs, user, uploadOf(user, proof.body), { proved: true });
      return {};
    }),

    route(client.uploadCrossSigningSignatures, async ({ body, requester }) => ({
      failures: await putSignatures(
        needs,
        identityOf(requester),
        body as Record<string, Record<string, JsonObject>>,
        timeoutOf(null),
      ),
    })),
  ];
}

function uploadOf(
  { userId }: KeyOwner,
  body: Readonly<Partial<Record<'master_key' | 'self_signing_key' | 'user_signing_key', CrossSigningKeyValue | null>>>,
): CrossSigningUpload {
  return checkedUpload(userId, {
    master: body.master_key,
    self_signing: body.self_signing_key,
    user_signing: body.user_signing_key,
  });
}
