import type { Database } from '../../../platform/database/index.ts';
import { type KeyUsage, readCrossSigningKeys } from '../cross-signing/cross-signing.store.ts';
import type { CrossSigningKeys, DeviceKeys } from '../device-keys.ts';
import { readDeviceKeys } from '../identity/device-keys.store.ts';

const memberOf: Readonly<Record<KeyUsage, keyof CrossSigningKeys>> = {
  master: 'master',
  self_signing: 'selfSigning',
  user_signing: 'userSigning',
};

/** Reads what users of this server have published: a few statements however many they are. */
export function publishedKeys(database: Database): Pick<DeviceKeys, 'devicesOf' | 'crossSigningOf'> {
  return {
    devicesOf: async (userNids) => Map.groupBy(await readDeviceKeys(database, userNids), ({ userNid }) => userNid),
    async crossSigningOf(userNids, viewerNid) {
      const byUser = new Map<number, { -readonly [K in keyof CrossSigningKeys]: CrossSigningKeys[K] }>();
      for (const { userNid, usage, keys } of await readCrossSigningKeys(database, userNids)) {
        if (usage === 'user_signing' && userNid !== viewerNid) continue;
        const ofUser = byUser.get(userNid) ?? {};
        ofUser[memberOf[usage]] = keys;
        byUser.set(userNid, ofUser);
      }
      return byUser;
    },
  };
}
