import type { DeviceId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, InteractiveTx, Interner } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Devices } from '../devices/index.ts';
import type { Feature } from '../feature.ts';
import type { ClaimNeeds } from './claim-keys.ts';
import { crossSigningRoutes, type CrossSigningRoutesNeeds } from './cross-signing/cross-signing.routes.ts';
import { forgetUser } from './cross-signing/forget-user.ts';
import { replacementAdminRoutes } from './cross-signing/replacement.admin.ts';
import { deviceKeyFederation } from './device-keys.federation.ts';
import { deviceKeyRoutes } from './device-keys.routes.ts';
import { type DeviceKeys, KeysChangeHooks, type KeyOwner } from './device-keys.ts';
import { removeDeviceKeys } from './identity/device-keys.store.ts';
import { openClaimsFile } from './one-time-keys/claims-file.ts';
import { keyCountsCompanion } from './one-time-keys/key-counts.sync.ts';
import { voidAllStocks } from './one-time-keys/one-time-keys.store.ts';
import { OneTimeKeys } from './one-time-keys/one-time-keys.ts';
import { publishedKeys } from './queries/published-keys.ts';
import type { QueryNeeds } from './queries/query-keys.ts';
import { type KeyUpload, prepareUpload } from './upload-keys.ts';

export { askServers, type Failures } from './ask-servers.ts';
export type { CrossSigningKeys, DeviceKeys, KeyOwner, KeysChange } from './device-keys.ts';
export type { PublishedDevice } from './identity/device-keys.store.ts';
export type { RemoteDeviceLists, RemoteKeys } from './queries/remote-keys.ts';
export type { WantedDevices } from './queries/wanted.ts';
export type { KeyUpload } from './upload-keys.ts';

export interface DeviceKeysNeeds
  extends
    Omit<QueryNeeds, 'published'>,
    Omit<ClaimNeeds, 'oneTimeKeys'>,
    Pick<CrossSigningRoutesNeeds, 'confirmation' | 'userInteractiveAuth'> {
  readonly config: Pick<
    Config,
    'allow_device_name_lookup_over_federation' | 'experimental_features' | 'one_time_key_claims_path'
  >;
  readonly database: Database;
  readonly names: Interner;
  readonly caches: CacheBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly devices: Pick<Devices, 'onDeleted'>;
}

/** Nobody will get the one-time keys that any device has uploaded; clients see it by their counts and upload others. */
export function voidAllOneTimeKeys(database: Database): Promise<void> {
  return database.write((tx) => voidAllStocks(tx));
}

/** The keys of our own users, for other features. */
export interface OwnDeviceKeys extends DeviceKeys {
  /**
   * Checks keys of a device as its own upload does; what it gives publishes them in a transaction. Undefined where there are none. Both
   * throw as the upload does.
   */
  prepare(user: KeyOwner, deviceId: DeviceId, upload: KeyUpload): Promise<((tx: InteractiveTx) => Promise<void>) | undefined>;
  /** Nobody will get the one-time keys that this device has uploaded; its client will upload others. */
  voidOneTimeKeys(userNid: number, deviceId: DeviceId): Promise<void>;
  /** An account has ended: its cross-signing keys go. Those of its devices go with them. */
  forget(user: KeyOwner): Promise<void>;
}

/** Identity keys, one-time keys and cross-signing keys; https://spec.matrix.org/v1.19/client-server-api/#end-to-end-encryption */
export async function deviceKeysFeature(needs: DeviceKeysNeeds): Promise<Feature & { readonly keys: OwnDeviceKeys }> {
  const claimsFile = await openClaimsFile(needs);
  const oneTimeKeys = new OneTimeKeys({ ...needs, claimsFile });
  const hooks = new KeysChangeHooks();
  const published = publishedKeys(needs.database);
  needs.devices.onDeleted((tx, { user: { userNid }, deviceIds }) => {
    removeDeviceKeys(tx, userNid, deviceIds);
    oneTimeKeys.removeIn(tx, userNid, deviceIds);
  });
  const tools = { ...needs, oneTimeKeys, hooks, published };
  return {
    name: 'device-keys',
    routes: [
      ...deviceKeyRoutes(tools),
      ...crossSigningRoutes(tools),
      ...deviceKeyFederation(tools),
      ...replacementAdminRoutes(needs),
    ],
    syncCompanions: [keyCountsCompanion(oneTimeKeys)],
    stop: async () => claimsFile.close(),
    keys: {
      ...published,
      onChanged: (hook) => hooks.add(hook),
      prepare: (user, deviceId, upload) => prepareUpload(tools, user, deviceId, upload),
      voidOneTimeKeys: (userNid, deviceId) => oneTimeKeys.void(userNid, deviceId),
      forget: (user) => forgetUser(tools, user),
    },
  };
}
