import type { DeviceId, UserId } from '@myelin/protocol/identifiers';

import type { Tx } from '../../platform/database/index.ts';
import type { PublishedDevice } from './identity/device-keys.store.ts';

/** A user of this server. */
export interface KeyOwner {
  readonly userId: UserId;
  readonly userNid: number;
}

/** What others see of a user's keys is other than it was. */
export interface KeysChange {
  /** Whose keys they are. */
  readonly user: KeyOwner;
  /** Devices whose keys are new, or newly signed. Of devices that are renamed or gone, `Devices` tells. */
  readonly deviceIds: readonly DeviceId[];
  /** The cross-signing keys, or the signatures on them, are others. */
  readonly crossSigning: boolean;
  /** Nobody but this user sees the difference: a signature about somebody else's master key. */
  readonly onlyFor?: KeyOwner;
}

/** Cross-signing keys as JSON. */
export interface CrossSigningKeys {
  readonly master?: string;
  readonly selfSigning?: string;
  /** For their owner only. */
  readonly userSigning?: string;
}

/** The public keys of this server's users, as others may see them. */
export interface DeviceKeys {
  /** The devices that have keys, by their users; a user without any is missing. */
  devicesOf(userNids: readonly number[]): Promise<ReadonlyMap<number, readonly PublishedDevice[]>>;
  /** By user; a user without any is missing. The user-signing key is only the viewer's own. */
  crossSigningOf(userNids: readonly number[], viewerNid?: number): Promise<ReadonlyMap<number, CrossSigningKeys>>;
  /** `hook` adds its own writes to every write that changes what others see. */
  onChanged(hook: (tx: Tx, change: KeysChange) => void): void;
}

/** Those who hear of changed keys. */
export class KeysChangeHooks {
  readonly #hooks: ((tx: Tx, change: KeysChange) => void)[] = [];

  add(hook: (tx: Tx, change: KeysChange) => void): void {
    this.#hooks.push(hook);
  }

  tell(tx: Tx, change: KeysChange): void {
    for (const hook of this.#hooks) hook(tx, change);
  }
}
