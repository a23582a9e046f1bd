import type { DeviceId, UserId } from '@myelin/protocol/identifiers';

import type { Interner } from '../../../platform/database/index.ts';
import type { CrossSigningKeys, DeviceKeys } from '../device-keys.ts';
import type { PublishedDevice } from '../identity/device-keys.store.ts';
import { usersPerPage, type WantedDevices } from './wanted.ts';

export interface LocalKeysNeeds {
  readonly names: Interner;
  readonly published: Pick<DeviceKeys, 'devicesOf' | 'crossSigningOf'>;
}

/** A user of this server with the devices that are wanted; whom nobody knows here has no number. */
interface WantedUser {
  readonly userId: UserId;
  readonly deviceIds: readonly DeviceId[];
  readonly nid: number | undefined;
}

type Page = readonly WantedUser[];

/** Keys of users of this server as JSON members named by the users: from the database as text, some users at a time. */
export class LocalKeys {
  readonly #published: LocalKeysNeeds['published'];
  readonly #pages: readonly Page[];
  readonly #viewerNid: number | undefined;
  /** What was read last: most queries are of one page, and several members of the answer are made of it. */
  #last: { readonly page: Page; readonly keys: ReadonlyMap<number, CrossSigningKeys> } | undefined;

  private constructor(published: LocalKeysNeeds['published'], pages: readonly Page[], viewerNid: number | undefined) {
    this.#published = published;
    this.#pages = pages;
    this.#viewerNid = viewerNid;
  }

  /** @param viewerNid whose user-signing key may be seen */
  static async of({ names, published }: LocalKeysNeeds, wanted: WantedDevices, viewerNid?: number): Promise<LocalKeys> {
    const nids = await names.knownIdsOf(wanted.keys());
    const users = Array.from(wanted, ([userId, deviceIds]) => ({ userId, deviceIds, nid: nids.get(userId) }));
    const pages: Page[] = [];
    for (let start = 0; start < users.length; start += usersPerPage) pages.push(users.slice(start, start + usersPerPage));
    return new LocalKeys(published, pages, viewerNid);
  }

  /** For every user that is wanted: of whom nothing stands there, clients would keep the devices that they know. */
  async *devices({ withNames }: { readonly withNames: boolean }): AsyncGenerator<string[]> {
    for (const page of this.#pages) {
      const devices = await this.#published.devicesOf(nidsOf(page));
      yield page.map(
        ({ userId, deviceIds, nid }) =>
          `${JSON.stringify(userId)}:{${devicesJson(devices.get(nid ?? 0) ?? [], deviceIds, withNames)}}`,
      );
    }
  }

  /** `shown` makes of a key what the viewer sees. */
  async *crossSigning(
    usage: keyof CrossSigningKeys,
    shown: (userId: UserId, key: string) => string = (_userId, key) => key,
  ): AsyncGenerator<string[]> {
    for (const page of this.#pages) {
      // Nobody else has keys of this kind to show.
      if (usage === 'userSigning' && !page.some(({ nid }) => nid !== undefined && nid === this.#viewerNid)) continue;
      const keys = await this.#crossSigningOf(page);
      yield page.flatMap(({ userId, nid }) => {
        const key = keys.get(nid ?? 0)?.[usage];
        return key === undefined ? [] : `${JSON.stringify(userId)}:${shown(userId, key)}`;
      });
    }
  }

  async #crossSigningOf(page: Page): Promise<ReadonlyMap<number, CrossSigningKeys>> {
    if (this.#last?.page === page) return this.#last.keys;
    const keys = await this.#published.crossSigningOf(nidsOf(page), this.#viewerNid);
    this.#last = { page, keys };
    return keys;
  }
}

function nidsOf(page: Page): number[] {
  return page.flatMap(({ nid }) => nid ?? []);
}

function devicesJson(devices: readonly PublishedDevice[], wanted: readonly DeviceId[], withNames: boolean): string {
  const only = wanted.length === 0 ? undefined : new Set(wanted);
  return devices
    .filter(({ deviceId }) => !only || only.has(deviceId))
    .map((device) => `${JSON.stringify(device.deviceId)}:${deviceJson(device, withNames)}`)
    .join(',');
}

/** The keys of a device with what this server adds. They are an object that is not empty. */
function deviceJson({ keys, displayName }: PublishedDevice, withNames: boolean): string {
  if (!withNames || displayName === undefined) return keys;
  return `${keys.slice(0, -1)},"unsigned":${JSON.stringify({ device_display_name: displayName })}}`;
}
