import assert from 'node:assert/strict';

import type { ContractCheck } from '@myelin/testing';
import { createClient, MatrixError, MatrixEventEvent, type EmittedEvents, type MatrixEvent } from 'matrix-js-sdk';
import {
  CryptoEvent,
  VerificationPhase,
  VerificationRequestEvent,
  VerifierEvent,
  type CryptoApi,
  type GeneratedSecretStorageKey,
  type VerificationRequest,
} from 'matrix-js-sdk/lib/crypto-api/index.js';
import type { RustCrypto } from 'matrix-js-sdk/lib/rust-crypto/rust-crypto.js';

import { fetchUnder, silent, Talker } from '../two-people/talker.ts';

/** A homeserver that may move to another port when it starts again. */
export interface Home {
  readonly baseUrl: string;
}

/** What a person carries from device to device: the password and the recovery key. */
export interface Keychain {
  readonly name: string;
  readonly password: string;
  recoveryKey?: GeneratedSecretStorageKey;
}

/** Between a device and its server: answers that get lost on the way, however well the server did its part. */
export interface Line {
  /** Whether the answer to this request is lost. */
  loses: (method: string, path: string) => boolean;
}

const patienceMs = 30_000;
const anyHost = 'http://home.invalid';

/**
 * What a client has begun goes on for a moment after it was stopped, and the SDK has freed its cryptography's memory by then, which fails
 * whatever test runs at that time. The process ends with the file: the memory is not missed.
 */
function keepsItsMemory(crypto: unknown): void {
  (crypto as { readonly olmMachine: { close: () => void } }).olmMachine.close = () => undefined;
}

/** A client with matrix-js-sdk and its Rust cryptography, as web clients have it; keys live in memory. */
export class Device extends Talker {
  readonly keychain: Keychain;
  readonly line: Line;

  private constructor(client: ReturnType<typeof createClient>, keychain: Keychain, line: Line) {
    super(client);
    client.on(CryptoEvent.UserTrustStatusChanged, (userId, status) => {
      if (status.wasCrossSigningVerified() && !status.isCrossSigningVerified()) this.distrusts.add(userId);
    });
    this.keychain = keychain;
    this.line = line;
  }

  /** A person's first device, online. */
  static async signsUp(home: Home, name: string, contract: ContractCheck): Promise<Device> {
    const keychain: Keychain = { name, password: `${name}'s secret` };
    const { line, fetchFn } = lineTo(home, contract);
    const guest = createClient({ baseUrl: anyHost, fetchFn, logger: silent });
    const { password } = keychain;
    const answer = await guest.registerRequest({ username: name, password, auth: { type: 'm.login.dummy' } });
    return Device.#online(answer as SignedIn, { keychain, line, fetchFn });
  }

  /** Another device of a person, online. */
  static async signsIn(home: Home, keychain: Keychain, contract: ContractCheck): Promise<Device> {
    const { line, fetchFn } = lineTo(home, contract);
    const { name: user, password } = keychain;
    const answer = await createClient({ baseUrl: anyHost, fetchFn, logger: silent }).loginRequest({
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user },
      password,
    });
    return Device.#online(answer, { keychain, line, fetchFn });
  }

  static async #online(account: SignedIn, parts: { keychain: Keychain; line: Line; fetchFn: typeof fetch }): Promise<Device> {
    const { keychain, line, fetchFn } = parts;
    const { user_id: userId, access_token: accessToken, device_id: deviceId } = account;
    const client = createClient({
      baseUrl: anyHost,
      userId,
      accessToken,
      deviceId,
      fetchFn,
      logger: silent,
      cryptoCallbacks: {
        getSecretStorageKey: async ({ keys }) => {
          const key = keychain.recoveryKey?.privateKey;
          const [id] = Object.keys(keys);
          return key && id !== undefined ? [id, key] : null;
        },
      },
    });
    await client.initRustCrypto({ useIndexedDB: false });
    keepsItsMemory(client.getCrypto());
    const device = new Device(client, keychain, line);
    await device.startsListening();
    // Nobody calls anybody here.
    client.matrixRTC.stop();
    return device;
  }

  get deviceId(): string {
    return this.client.getDeviceId() ?? '';
  }

  get crypto(): CryptoApi {
    const crypto = this.client.getCrypto();
    assert.ok(crypto);
    return crypto;
  }

  protected override get moments(): readonly EmittedEvents[] {
    return [
      ...super.moments,
      MatrixEventEvent.Decrypted,
      CryptoEvent.DevicesUpdated,
      CryptoEvent.KeysChanged,
      CryptoEvent.UserTrustStatusChanged,
      CryptoEvent.KeyBackupSessionsRemaining,
      CryptoEvent.VerificationRequestReceived,
    ];
  }

  /** Whom the device had proven and who shows other keys now. */
  readonly distrusts = new Set<string>();

  /** Makes keys that sign the person's devices, keeps them on the server under a new recovery key, and begins a backup unless told otherwise. */
  async setsUpRecovery({ backup = true } = {}): Promise<void> {
    await this.crypto.bootstrapCrossSigning({
      setupNewCrossSigning: true,
      authUploadDeviceSigningKeys: async (makeRequest) => {
        try {
          await makeRequest(null);
        } catch (error) {
          // Whoever takes the place of another identity proves who they are.
          const session = error instanceof MatrixError ? (error.data as { session?: string }).session : undefined;
          if (session === undefined) throw error;
          const identifier = { type: 'm.id.user', user: this.userId };
          await makeRequest({ type: 'm.login.password', identifier, password: this.keychain.password, session });
        }
      },
    });
    const recoveryKey = await this.crypto.createRecoveryKeyFromPassphrase();
    this.keychain.recoveryKey = recoveryKey;
    await this.crypto.bootstrapSecretStorage({
      setupNewSecretStorage: true,
      setupNewKeyBackup: backup,
      createSecretStorageKey: () => Promise.resolve(recoveryKey),
    });
  }

  /** Proves with the recovery key that the device is its owner's, and gets what the older devices have kept. */
  async recovers(): Promise<{ readonly total: number; readonly imported: number }> {
    assert.ok(await this.crypto.userHasCrossSigningKeys(this.userId, true), 'the server has the public keys');
    await this.crypto.bootstrapCrossSigning({});
    await this.crypto.crossSignDevice(this.deviceId);
    await this.crypto.loadSessionBackupPrivateKeyFromSecretStorage();
    await this.crypto.checkKeyBackupAndEnable();
    return this.crypto.restoreKeyBackup();
  }

  /** Asks the person's other devices for the keys that it lacks; the SDK can, and leaves it to the backup unless told to. */
  async asksForKeys(roomId: string): Promise<void> {
    const crypto = this.crypto as RustCrypto;
    (crypto as unknown as { olmMachine: { roomKeyRequestsEnabled: boolean } }).olmMachine.roomKeyRequestsEnabled = true;
    const events = this.room(roomId).getLiveTimeline().getEvents();
    await Promise.all(
      events.filter((event) => event.isDecryptionFailure()).map((event) => event.attemptDecryption(crypto, { isRetry: true })),
    );
  }

  /** Waits until all keys of messages are in the backup. */
  async hasBackedUp(): Promise<void> {
    // The SDK tells how many remain while it works, and nothing when it has nothing to do.
    const { olmMachine } = this.crypto as unknown as {
      olmMachine: { roomKeyCounts(): Promise<{ readonly total: number; readonly backedUp: number }> };
    };
    await this.#comesTo('that its keys are backed up', async () => {
      const { total, backedUp } = await olmMachine.roomKeyCounts();
      return backedUp === total;
    });
  }

  /** Makes a room in which everything is encrypted, and invites somebody. */
  async createsSecretRoom(name: string, ...others: readonly Device[]): Promise<string> {
    const { room_id: roomId } = await this.client.createRoom({
      name,
      invite: others.map(({ userId }) => userId),
      initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    });
    await this.sees('its own room', () => this.client.getRoom(roomId)?.hasEncryptionStateEvent() === true);
    return roomId;
  }

  async accepts(roomId: string): Promise<void> {
    await this.sees('the invitation', () => this.client.getRoom(roomId)?.getMyMembership() === 'invite');
    await inTime(`${this.userId} joins ${roomId}`, this.client.joinRoom(roomId));
    await this.sees('the room', () => this.client.getRoom(roomId)?.getMyMembership() === 'join');
  }

  /** Waits until the device has read a message. */
  async reads(roomId: string, body: string): Promise<void> {
    await this.sees(`${JSON.stringify(body)} (it has ${JSON.stringify(this.readable(roomId))})`, () =>
      this.readable(roomId).includes(body),
    );
  }

  /** The texts that the device can read. */
  readable(roomId: string): string[] {
    return this.#texts(roomId).map((event) => String(event.getContent()['body']));
  }

  /** The events that the device cannot read, with the reason. */
  unreadable(roomId: string): string[] {
    return this.room(roomId)
      .getLiveTimeline()
      .getEvents()
      .filter((event) => event.isDecryptionFailure() || event.isBeingDecrypted() || event.getType() === 'm.room.encrypted')
      .map((event) => `${event.getId()}: ${event.decryptionFailureReason}`);
  }

  /** Waits until the device has learnt which devices somebody has. */
  async knowsDevices(of: string, expected: readonly Device[]): Promise<void> {
    const wanted = expected.map(({ deviceId }) => deviceId).toSorted();
    await this.#comesTo(`the devices ${wanted.join()} of ${of}`, async () => {
      const devices = await this.crypto.getUserDeviceInfo([of], true);
      return JSON.stringify([...(devices.get(of)?.keys() ?? [])].toSorted()) === JSON.stringify(wanted);
    });
  }

  /** Two devices compare emoji: of one person, or of two who have a room together. */
  async comparesEmoji(other: Device, roomId?: string): Promise<void> {
    if (roomId === undefined)
      assert.ok(await this.crypto.userHasCrossSigningKeys(this.userId, true), 'the server has the public keys');
    const received = other.#requested();
    const request =
      roomId === undefined
        ? await this.crypto.requestOwnUserVerification()
        : await this.crypto.requestVerificationDM(other.userId, roomId);
    const theirs = await received;
    await theirs.accept();
    await phase(request, VerificationPhase.Ready);
    const verifier = await request.startVerification('m.sas.v1');
    await phase(theirs, VerificationPhase.Started);
    const theirVerifier = theirs.verifier;
    assert.ok(theirVerifier);
    const emoji = await Promise.all(
      [verifier, theirVerifier].map(async (one) => {
        const shown = new Promise<string>((resolve) => {
          one.once(VerifierEvent.ShowSas, (sas) => {
            resolve(JSON.stringify(sas.sas.emoji));
            void sas.confirm();
          });
        });
        await inTime(`${one.userId} is proven in phase ${request.phase} here, ${theirs.phase} there`, one.verify());
        return shown;
      }),
    );
    assert.equal(emoji[0], emoji[1]);
    await Promise.all([phase(request, VerificationPhase.Done), phase(theirs, VerificationPhase.Done)]);
  }

  /** Waits until the device counts another as proven by its owner. */
  async trusts(other: Device): Promise<void> {
    await this.#comesTo(`that ${other.userId} ${other.deviceId} is proven`, async () => {
      const status = await this.crypto.getDeviceVerificationStatus(other.userId, other.deviceId);
      return status?.isVerified() === true;
    });
  }

  /** Waits until the device sees that the owner of another has signed it. */
  async seesSigned(other: Device): Promise<void> {
    await this.#comesTo(`that ${other.userId} ${other.deviceId} is signed`, async () => {
      const status = await this.crypto.getDeviceVerificationStatus(other.userId, other.deviceId);
      return status?.signedByOwner === true;
    });
  }

  async logsOut(): Promise<void> {
    this.stopsListening();
    await this.client.logout();
  }

  /** As `sees`, for what the device must be asked. */
  async #comesTo(what: string, ask: () => Promise<boolean>): Promise<void> {
    let isThere = await ask();
    const again = (): void => void ask().then((now) => (isThere ||= now));
    for (const moment of this.moments) this.client.on(moment, again);
    try {
      await this.sees(what, () => isThere);
    } finally {
      for (const moment of this.moments) this.client.off(moment, again);
    }
  }

  #requested(): Promise<VerificationRequest> {
    return new Promise((resolve) => this.client.once(CryptoEvent.VerificationRequestReceived, resolve));
  }

  #texts(roomId: string): MatrixEvent[] {
    return this.room(roomId)
      .getLiveTimeline()
      .getEvents()
      .filter((event) => event.getType() === 'm.room.message' && !event.isDecryptionFailure());
  }
}

/** Waits for the request to come into a phase. */
async function phase(request: VerificationRequest, wanted: VerificationPhase): Promise<void> {
  if (request.phase === wanted) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    if (request.phase === wanted) resolve();
    else if (request.phase === VerificationPhase.Cancelled) {
      reject(new Error(`the verification was cancelled: ${request.cancellationCode}`));
    }
  };
  request.on(VerificationRequestEvent.Change, look);
  try {
    await inTime(`phase ${wanted} of the verification with ${request.otherUserId}, now in phase ${request.phase}`, promise);
  } finally {
    request.off(VerificationRequestEvent.Change, look);
  }
}

/** What takes longer than anybody's patience fails with what it was. */
export async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it takes too long: ${what}`)), patienceMs);
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

function lineTo(home: Home, contract: ContractCheck): { line: Line; fetchFn: typeof fetch } {
  const line: Line = { loses: () => false };
  const checked = fetchUnder(contract);
  return {
    line,
    fetchFn: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input.toString());
      const target = new URL(url.pathname + url.search, home.baseUrl);
      const answer = await checked(target, init);
      if (line.loses(init?.method ?? 'GET', url.pathname)) throw new TypeError('the line is dead');
      return answer;
    },
  };
}

interface SignedIn {
  readonly user_id: string;
  readonly access_token: string;
  readonly device_id: string;
}
