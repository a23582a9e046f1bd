import { CanonicalJsonError, isJsonObject, own } from '@myelin/protocol/canonical-json';
import { MatrixError, notFound } from '@myelin/protocol/errors';
import type { Json, JsonObject } from '@myelin/protocol/events';
import { domainOf, type DeviceId, isServerName, type UserId } from '@myelin/protocol/identifiers';
import { signatureBy, verifyJson } from '@myelin/protocol/signatures';

import type { InteractiveTx } from '../../../platform/database/index.ts';
import { limitUnknownServers } from '../../../remote-servers/index.ts';
import type { KeyOwner } from '../device-keys.ts';
import { parsedKeys, signaturesIn, statementOf } from '../identity/check-device-keys.ts';
import { putDeviceKeys } from '../identity/device-keys.store.ts';
import type { QueryNeeds } from '../queries/query-keys.ts';
import type { WantedDevices } from '../queries/wanted.ts';
import { deviceSignatures, invalidSignature } from './check-cross-signing.ts';
import { type CrossSigningKey, putCrossSigningKey, putUserSignature, readCrossSigningKeys } from './cross-signing.store.ts';
import { type CrossSigningNeeds, devicesById } from './put-cross-signing.ts';

/** Signed keys by user and by device id or public key. */
export type SignedKeys = Readonly<Record<string, Readonly<Record<string, JsonObject>> | undefined>>;
/** What was wrong with some of them. */
export type SignatureFailures = Record<string, Record<string, Record<string, Json>>>;

/**
 * Publishes signatures that a user has made: of their own devices, by the self-signing key; of their own master key, by devices; of other
 * people's master keys, by the user-signing key, which nobody else will see. Each is verified, and each that is wrong is told by itself.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload
 */
export async function putSignatures(
  needs: CrossSigningNeeds & QueryNeeds,
  user: KeyOwner,
  signed: SignedKeys,
  timeoutMs: number,
): Promise<SignatureFailures> {
  const others = Object.entries(signed).filter(([userId]) => userId !== user.userId);
  const masters = await masterKeysOf(
    needs,
    user.userId,
    others.map(([userId]) => userId as UserId),
    timeoutMs,
  );
  const nids = await needs.names.idsOf(masters.keys());
  return needs.database.transaction(async (tx) => {
    // Maps: a stranger may have named a user or a key `__proto__`.
    const failures = new Map<string, Map<string, Record<string, Json>>>();
    const attempt = (userId: string, keyId: string, put: () => void): void => {
      try {
        put();
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error;
        const ofUser = failures.get(userId) ?? new Map<string, Record<string, Json>>();
        failures.set(userId, ofUser.set(keyId, { errcode: error.errcode, error: error.message }));
      }
    };
    const keys = new Map((await readCrossSigningKeys(tx, [user.userNid])).map((key) => [key.usage, key]));
    const ownSigned = Object.entries(signed[user.userId] ?? {});
    if (ownSigned.length > 0) {
      const putOwn = await ownKeys(tx, needs, user, keys);
      for (const [keyId, object] of ownSigned) attempt(user.userId, keyId, () => putOwn.put(keyId, object));
      putOwn.tell();
    }
    for (const [userId, objects] of others) {
      const target = { userId: userId as UserId, userNid: nids.get(userId) ?? 0 };
      for (const [keyId, object] of Object.entries(objects ?? {})) {
        attempt(userId, keyId, () => {
          putAboutOther(tx, { user, target, master: masters.get(userId), userSigning: keys.get('user_signing') }, keyId, object);
          needs.hooks.tell(tx, { user: target, deviceIds: [], crossSigning: true, onlyFor: user });
        });
      }
    }
    return Object.fromEntries(Array.from(failures, ([userId, ofUser]) => [userId, Object.fromEntries(ofUser)]));
  });
}

/** The master keys of other people, wherever they live. */
async function masterKeysOf(
  needs: QueryNeeds,
  by: UserId,
  userIds: readonly UserId[],
  timeoutMs: number,
): Promise<Map<string, JsonObject>> {
  const { names, published, remoteLists, serverName } = needs;
  const masters = new Map<string, JsonObject>();
  const nids = await names.knownIdsOf(userIds.filter((userId) => domainOf(userId) === serverName));
  const local = await published.crossSigningOf([...nids.values()]);
  for (const [userId, nid] of nids) {
    const master = local.get(nid)?.master;
    if (master !== undefined) masters.set(userId, parsedKeys(master));
  }
  const remote: WantedDevices = new Map(
    userIds.filter((userId) => isServerName(domainOf(userId)) && domainOf(userId) !== serverName).map((userId) => [userId, []]),
  );
  if (remote.size > 0) {
    await limitUnknownServers(needs, by, remote.keys());
    const found = await remoteLists.keysOf(remote, { timeoutMs });
    for (const [userId, key] of found.master) masters.set(userId, key);
  }
  return masters;
}

/** Collects what signatures make of a user's own devices and master key. */
async function ownKeys(
  tx: InteractiveTx,
  { hooks }: CrossSigningNeeds,
  user: KeyOwner,
  keys: ReadonlyMap<string, CrossSigningKey>,
): Promise<{ put(keyId: string, signed: JsonObject): void; tell(): void }> {
  const devices = await devicesById(tx, user.userNid);
  const master = keys.get('master');
  const selfSigning = keys.get('self_signing');
  const signedDevices: DeviceId[] = [];
  let crossSigning = false;
  return {
    put(keyId, signed) {
      const device = devices.get(keyId);
      if (device) {
        const made = { [`ed25519:${selfSigning?.publicKey}`]: signatureOf(user, selfSigning, device, signed) };
        const merged = withSignatures(device, user.userId, made);
        if (!merged) return;
        putDeviceKeys(tx, { userNid: user.userNid, deviceId: keyId as DeviceId, keys: JSON.stringify(merged) });
        signedDevices.push(keyId as DeviceId);
      } else if (keyId === master?.publicKey) {
        const known = parsedKeys(master.keys);
        mustBeSame(known, signed);
        const made = deviceSignatures(user.userId, signed, devices);
        if (Object.keys(made).length === 0) throw invalidSignature('none of your devices has signed this key');
        const merged = withSignatures(known, user.userId, made);
        if (!merged) return;
        putCrossSigningKey(tx, { ...master, keys: JSON.stringify(merged) });
        crossSigning = true;
      } else throw notFound('You have no such device and no such master key');
    },
    tell() {
      if (signedDevices.length > 0 || crossSigning) hooks.tell(tx, { user, deviceIds: signedDevices, crossSigning });
    },
  };
}

function putAboutOther(
  tx: InteractiveTx,
  about: {
    readonly user: KeyOwner;
    readonly target: KeyOwner;
    readonly master: JsonObject | undefined;
    readonly userSigning: CrossSigningKey | undefined;
  },
  keyId: string,
  signed: JsonObject,
): void {
  const { user, target, master, userSigning } = about;
  const masterKeys = master && own(master, 'keys');
  if (!master || !isJsonObject(masterKeys) || own(masterKeys, `ed25519:${keyId}`) !== keyId) {
    throw notFound('This is not the master key of that user');
  }
  putUserSignature(tx, {
    signerNid: user.userNid,
    targetNid: target.userNid,
    targetKey: keyId,
    signerKeyId: `ed25519:${userSigning?.publicKey}`,
    signature: signatureOf(user, userSigning, master, signed),
  });
}

/** The signature that one of the user's keys has made of an object that others know. */
function signatureOf(user: KeyOwner, key: CrossSigningKey | undefined, known: JsonObject, signed: JsonObject): string {
  if (!key) throw notFound('You have not published the key that signs this');
  mustBeSame(known, signed);
  const keyId = `ed25519:${key.publicKey}`;
  const signature = signatureBy(signed, user.userId, keyId);
  if (signature === undefined || !verifyJson(signed, user.userId, keyId, key.publicKey)) {
    throw invalidSignature(`the signature by ${keyId} is missing or wrong`);
  }
  return signature;
}

function mustBeSame(known: JsonObject, signed: JsonObject): void {
  if (covered(known) !== covered(signed)) throw invalidSignature('what is signed is not the key that was published');
}

/** What a signature covers; undefined where nobody can have signed it. */
function covered(object: JsonObject): string | undefined {
  try {
    return statementOf(object);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return undefined;
    throw error;
  }
}

/** A copy of an object with more signatures; undefined where it has them all. */
function withSignatures(object: JsonObject, userId: UserId, made: Readonly<Record<string, string>>): JsonObject | undefined {
  const signatures = signaturesIn(object);
  const before = signatures[userId] ?? {};
  if (Object.entries(made).every(([keyId, signature]) => before[keyId] === signature)) return undefined;
  return { ...object, signatures: { ...signatures, [userId]: { ...before, ...made } } };
}
