import type { SyncCompanion } from '../../../rooms/index.ts';
import type { OneTimeKeys } from './one-time-keys.ts';

/** The algorithm of Olm: clients look for its count, and some take a count that is missing for one that has not changed. */
const olmAlgorithm = 'signed_curve25519';

/** What clients read to know when to upload; https://spec.matrix.org/v1.19/client-server-api/#e2e-extensions-to-sync */
export function keyCountsCompanion(oneTimeKeys: OneTimeKeys): SyncCompanion {
  return {
    name: 'one-time keys',
    // Which of its keys were given out in the time that is lost, nobody knows.
    async putRight({ userNid, deviceId }) {
      if (deviceId !== undefined) await oneTimeKeys.void(userNid, deviceId);
      return {};
    },
    async members({ userNid, deviceId }) {
      if (deviceId === undefined) return {};
      const { left, unusedFallbacks } = await oneTimeKeys.countsOf(userNid, deviceId);
      return {
        device_one_time_keys_count: JSON.stringify({ [olmAlgorithm]: 0, ...left }),
        device_unused_fallback_key_types: JSON.stringify(unusedFallbacks),
      };
    },
  };
}
