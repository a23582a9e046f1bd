import * as client from '@myelin/protocol/api/client';
import { MatrixError, notFound } from '@myelin/protocol/errors';

import { type Route, route } from '../../platform/http/index.ts';
import { type Confirmation, identityOf } from '../account/index.ts';
import type { UserInteractiveAuth } from '../user-interactive-auth/index.ts';
import type { Device } from './devices.store.ts';
import { type Devices, longestName } from './devices.ts';

export interface DeviceRoutesNeeds {
  readonly devices: Devices;
  readonly userInteractiveAuth: UserInteractiveAuth;
  readonly confirmation: Confirmation;
}

/** https://spec.matrix.org/v1.19/client-server-api/#device-management */
export function deviceRoutes({ devices, userInteractiveAuth, confirmation }: DeviceRoutesNeeds): Route[] {
  return [
    route(client.getDevices, async ({ requester }) => ({
      devices: (await devices.list(identityOf(requester).userNid)).map(answerOf),
    })),

    route(client.getDevice, async ({ params, requester }) => {
      const device = await devices.get(identityOf(requester).userNid, params.deviceId);
      if (!device) throw notFound('No such device');
      return answerOf(device);
    }),

    route(client.updateDevice, async ({ params, body, requester }) => {
      const user = identityOf(requester);
      if (!(await devices.get(user.userNid, params.deviceId))) throw notFound('No such device');
      const { display_name } = body;
      if (display_name === undefined) return {};
      if (display_name.length > longestName) {
        throw new MatrixError('M_TOO_LARGE', `The name of a device has at most ${longestName} characters`, { status: 400 });
      }
      await devices.rename(user, params.deviceId, display_name);
      return {};
    }),

    route(client.deleteDevice, async ({ params, body, request, requester }) => {
      const flows = await confirmation.flowsFor(requester);
      const proof = await userInteractiveAuth.prove({ request, body, requester, flows, earlierProofWillDo: true });
      if (!proof.done) return proof.answer;
      await proof.claim();
      await devices.delete(identityOf(requester), [params.deviceId]);
      return {};
    }),

    route(client.deleteDevices, async ({ body, request, requester }) => {
      const flows = await confirmation.flowsFor(requester);
      const proof = await userInteractiveAuth.prove({ request, body, requester, flows, earlierProofWillDo: true });
      if (!proof.done) return proof.answer;
      await proof.claim();
      await devices.delete(identityOf(requester), proof.body.devices);
      return {};
    }),
  ];
}

function answerOf({ deviceId, displayName, lastSeen }: Device) {
  return {
    device_id: deviceId,
    ...(displayName !== undefined && { display_name: displayName }),
    ...(lastSeen && { last_seen_ts: lastSeen.ts, ...(lastSeen.ip !== '' && { last_seen_ip: lastSeen.ip }) }),
  };
}
