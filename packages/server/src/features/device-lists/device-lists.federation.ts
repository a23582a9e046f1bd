import * as federation from '@myelin/protocol/api/federation';
import { notFound } from '@myelin/protocol/errors';

import type { Interner } from '../../platform/database/index.ts';
import { rawJson, route, type Route } from '../../platform/http/index.ts';
import type { Accounts } from '../account/index.ts';
import type { DeviceKeys, PublishedDevice } from '../device-keys/index.ts';
import type { ListNews } from './list-news.ts';

export interface UserDevicesNeeds {
  readonly names: Interner;
  readonly accounts: Pick<Accounts, 'exists'>;
  readonly news: Pick<ListNews, 'updatePositionOf'>;
  readonly ownKeys: () => Pick<DeviceKeys, 'devicesOf' | 'crossSigningOf'>;
  /** `allow_device_name_lookup_over_federation` */
  readonly tellsNames: boolean;
}

/** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1userdevicesuserid */
export function userDevicesRoutes({ names, accounts, news, ownKeys, tellsNames }: UserDevicesNeeds): Route[] {
  return [
    route(federation.getUserDevices, async ({ params: { userId } }) => {
      if (!(await accounts.exists(userId))) throw notFound(`${userId} is not a user of this server`);
      const userNid = await names.idOf(userId);
      // What changes meanwhile is in the answer already when its update comes, and does no harm there.
      const streamId = await news.updatePositionOf(userNid);
      const [devices, crossSigning] = await Promise.all([ownKeys().devicesOf([userNid]), ownKeys().crossSigningOf([userNid])]);
      const { master, selfSigning } = crossSigning.get(userNid) ?? {};
      const told = (devices.get(userNid) ?? []).map((device) => deviceJson(device, tellsNames));
      return rawJson([
        `{"user_id":${JSON.stringify(userId)},"stream_id":${streamId},"devices":[${told.join(',')}]`,
        ...(master === undefined ? [] : [`,"master_key":${master}`]),
        ...(selfSigning === undefined ? [] : [`,"self_signing_key":${selfSigning}`]),
        '}',
      ]);
    }),
  ];
}

function deviceJson({ deviceId, keys, displayName }: PublishedDevice, tellsNames: boolean): string {
  const name = tellsNames && displayName !== undefined ? `,"device_display_name":${JSON.stringify(displayName)}` : '';
  return `{"device_id":${JSON.stringify(deviceId)},"keys":${keys}${name}}`;
}
