import * as client from '@myelin/protocol/api/client';
import type { JsonObject } from '@myelin/protocol/events';

import { jsonArray, jsonObject, type Route, route } from '../../platform/http/index.ts';
import { identityOf } from '../account/index.ts';
import type { DehydratedDevices, ReceivedMessages } from './dehydrated-devices.ts';

/** https://github.com/matrix-org/matrix-spec-proposals/pull/3814 */
export function dehydratedDeviceRoutes(dehydrated: DehydratedDevices): Route[] {
  return [
    route(client.putDehydratedDevice, async ({ body, requester }) => {
      await dehydrated.put(identityOf(requester), {
        deviceId: body.device_id,
        deviceData: body.device_data,
        displayName: body.initial_device_display_name ?? undefined,
        deviceKeys: body.device_keys,
        oneTimeKeys: body.one_time_keys ?? undefined,
        fallbackKeys: body.fallback_keys ?? undefined,
      });
      return { device_id: body.device_id };
    }),
    route(client.getDehydratedDevice, async ({ requester }) => {
      const { deviceId, deviceData } = await dehydrated.find(identityOf(requester));
      return { device_id: deviceId, device_data: JSON.parse(deviceData) as JsonObject & { algorithm: string } };
    }),
    route(client.deleteDehydratedDevice, async ({ requester }) => ({
      device_id: await dehydrated.delete(identityOf(requester)),
    })),
    route(client.getDehydratedDeviceEvents, async ({ params, query, requester }) => {
      const received = await dehydrated.received(identityOf(requester), params.deviceId, query.from);
      return eventsOf(received, received.isLast ? undefined : received.nextBatch);
    }),
    route(client.postDehydratedDeviceEvents, async ({ params, body, requester }) => {
      const received = await dehydrated.received(identityOf(requester), params.deviceId, body.next_batch ?? undefined);
      // These clients ask on until there are no events, and without a batch they would begin anew.
      return eventsOf(received, received.nextBatch);
    }),
  ];
}

function eventsOf({ messages }: ReceivedMessages, nextBatch: string | undefined) {
  return jsonObject({
    events: jsonArray(messages),
    next_batch: nextBatch === undefined ? undefined : JSON.stringify(nextBatch),
  });
}
