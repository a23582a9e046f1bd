import { createHash } from 'node:crypto';

import { encodeBase64, generateSigningKey, signJson, type SigningKey } from '@myelin/protocol/signatures';
import type { Person } from '@myelin/testing/homeserver';

/** 32 bytes that follow from words. */
export function bytesOf(...words: readonly (string | number)[]): Uint8Array {
  return createHash('sha256').update(words.join('\0')).digest();
}

/** An id as vodozemac writes it. */
export function keyIdOf(number: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return encodeBase64(bytes);
}

/** A device by its names, whether somebody holds it or not. */
export type NamedDevice = Pick<Person, 'userId' | 'deviceId'>;

/** The crypto of one device, as far as a server sees it. */
export class DeviceCrypto<Holder extends NamedDevice = Person> {
  readonly person: Holder;
  /** Its key id is `ed25519:<device id>`. */
  readonly signingKey: SigningKey;
  #nextKey = 0;

  /** `seed` tells two crypto stores of one device apart. */
  constructor(person: Holder, seed = 'first') {
    this.person = person;
    // Not as its version: ids of dehydrated devices are base64.
    const made = generateSigningKey(bytesOf(person.userId, person.deviceId, seed));
    this.signingKey = { ...made, keyId: `ed25519:${person.deviceId}` };
  }

  sign<T extends object>(object: T) {
    return signJson(object, this.person.userId, this.signingKey);
  }

  get deviceKeys() {
    const { userId, deviceId } = this.person;
    return this.sign({
      user_id: userId,
      device_id: deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: {
        [`curve25519:${deviceId}`]: encodeBase64(bytesOf('curve', userId, deviceId)),
        [`ed25519:${deviceId}`]: this.signingKey.publicKey,
      },
    });
  }

  oneTimeKey(number: number, more: object = {}) {
    return this.sign({ key: encodeBase64(bytesOf('once', this.person.deviceId, number)), ...more });
  }

  /** So many one-time keys that were never there before. */
  oneTimeKeys(count: number): Record<string, ReturnType<DeviceCrypto<Holder>['oneTimeKey']>> {
    return Object.fromEntries(
      Array.from({ length: count }, () => {
        const number = this.#nextKey++;
        return [`signed_curve25519:${keyIdOf(number)}`, this.oneTimeKey(number)] as const;
      }),
    );
  }

  fallbackKey(number: number) {
    return { [`signed_curve25519:f${number}`]: this.oneTimeKey(1_000_000 + number, { fallback: true }) };
  }

  /** Publishes its identity and so many one-time keys. */
  publishes(this: DeviceCrypto, count = 0): Promise<any> {
    return this.person.post('/keys/upload', { device_keys: this.deviceKeys, one_time_keys: this.oneTimeKeys(count) });
  }
}

/** The cross-signing keys of one person. */
export class Identity {
  readonly person: Person;
  readonly master: SigningKey;
  readonly selfSigning: SigningKey;
  readonly userSigning: SigningKey;

  /** `seed` tells the identities apart that a person has one after another. */
  constructor(person: Person, seed = 'first') {
    const key = (usage: string): SigningKey => {
      const made = generateSigningKey(bytesOf(person.userId, usage, seed));
      return { ...made, keyId: `ed25519:${made.publicKey}` };
    };
    this.person = person;
    this.master = key('master');
    this.selfSigning = key('self_signing');
    this.userSigning = key('user_signing');
  }

  signs<T extends object>(object: T, key: SigningKey) {
    return signJson(object, this.person.userId, key);
  }

  #key(usage: string, { keyId, publicKey }: SigningKey) {
    return { user_id: this.person.userId, usage: [usage], keys: { [keyId]: publicKey } };
  }

  get masterKey() {
    return this.#key('master', this.master);
  }

  /** The body of an upload. */
  get keys() {
    return {
      master_key: this.masterKey,
      self_signing_key: this.signs(this.#key('self_signing', this.selfSigning), this.master),
      user_signing_key: this.signs(this.#key('user_signing', this.userSigning), this.master),
    };
  }

  publishes(): Promise<any> {
    return this.person.post('/keys/device_signing/upload', this.keys);
  }

  /** Uploads signatures about a user, and gives what failed. */
  async uploads(userId: string, signed: Readonly<Record<string, object>>): Promise<any> {
    return (await this.person.post('/keys/signatures/upload', { [userId]: signed })).failures;
  }

  /** Signs a device of the person's own. */
  signsDevice(device: DeviceCrypto<NamedDevice>): Promise<any> {
    const signed = this.signs(device.deviceKeys, this.selfSigning);
    return this.uploads(this.person.userId, { [device.person.deviceId]: signed });
  }

  /** Signs that another's identity is theirs. */
  verifies(other: Identity): Promise<any> {
    const signed = this.signs(other.masterKey, this.userSigning);
    return this.uploads(other.person.userId, { [other.master.publicKey]: signed });
  }
}

/** What `person` gets who claims a key of this device: its name and the key, or undefined. */
export async function claims(person: Person, of: Person): Promise<readonly [string, any] | undefined> {
  const { one_time_keys } = await person.post('/keys/claim', {
    one_time_keys: { [of.userId]: { [of.deviceId]: 'signed_curve25519' } },
  });
  return Object.entries(one_time_keys[of.userId]?.[of.deviceId] ?? {})[0];
}

/** What `person` is told of the keys of these people. */
export function asksFor(person: Person, ...others: readonly Person[]): Promise<any> {
  return person.post('/keys/query', { device_keys: Object.fromEntries(others.map(({ userId }) => [userId, []])) });
}
