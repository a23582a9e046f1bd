import * as client from '@myelin/protocol/api/client';

import { type Route, route } from '../../platform/http/index.ts';

export type AccountRoutesNeeds = Record<never, never>;

export function accountRoutes(_needs: AccountRoutesNeeds): Route[] {
  return [
    route(client.getTokenOwner, ({ requester }) => ({
      user_id: requester.userId,
      ...(requester.deviceId !== undefined && { device_id: requester.deviceId }),
      ...(requester.isGuest && { is_guest: true }),
    })),
  ];
}
