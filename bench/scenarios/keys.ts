import { DeviceCrypto } from '../../packages/server/src/features/device-keys/key-ring.fixture.ts';
import { cpuRows, metered } from '../load/meter.ts';
import { password, type Person } from '../load/person.ts';
import { forEachAtOnce, median } from '../load/statistics.ts';
import type { Measurement, Scenario, Target } from '../scenario.ts';

const atOnce = 10;
const keysOfDevice = 50;
/** Of each device, one by one. */
const singleClaims = 20;
const wholeClaims = 5;
const queries = 10;

interface Device {
  readonly deviceId: string;
  readonly token: string;
  readonly upload: object;
}

export const keys: Scenario = {
  name: 'keys',
  title: `one account has many devices, each with ${keysOfDevice} one-time keys; others claim and ask`,
  async run(target, sizes) {
    const { server, http, world } = target;
    const [owner, asker] = [await world.register(world.newName()), await world.register(world.newName())];
    const devices: Device[] = [];
    await forEachAtOnce(Array.from({ length: sizes.keyedDevices }), atOnce, async () => {
      devices.push(await newDevice(target, owner));
    });
    const post = (path: string, token: string, body: unknown) =>
      http.get({ method: 'POST', path: `/_matrix/client/v3/keys/${path}`, token, body });
    const perSecond = async (
      what: string,
      operation: string,
      items: readonly Device[],
      work: (device: Device) => Promise<unknown>,
    ): Promise<Measurement[]> => {
      const taken = await metered(server, async () => {
        await forEachAtOnce(items, atOnce, work);
        return items.length;
      });
      const value = taken.operations / taken.seconds;
      return [{ what, value, unit: 'a second', better: 'more', notes: taken.notes }, ...cpuRows(taken, operation)];
    };
    const wanted = (some: readonly Device[]) => ({
      one_time_keys: { [owner.userId]: Object.fromEntries(some.map(({ deviceId }) => [deviceId, 'signed_curve25519'])) },
    });
    return [
      ...(await perSecond('uploads', 'an upload', devices, (device) => post('upload', device.token, device.upload))),
      ...(await perSecond('claims of one key', 'a claim', Array.from({ length: singleClaims }, () => devices).flat(), (device) =>
        post('claim', asker.token, wanted([device])),
      )),
      await timeOf(`a claim of ${devices.length} keys`, wholeClaims, () => post('claim', asker.token, wanted(devices))),
      await timeOf(`a query of ${devices.length} devices`, queries, () =>
        post('query', asker.token, { device_keys: { [owner.userId]: [] } }),
      ),
    ];
  },
};

/** A device that is logged in, with its first upload made ready: signing is the client's work. */
async function newDevice({ http }: Target, { userId, name }: Person): Promise<Device> {
  const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: name }, password };
  const { device_id: deviceId, access_token: token } = await http.json<{ device_id: string; access_token: string }>({
    method: 'POST',
    path: '/_matrix/client/v3/login',
    body,
  });
  const crypto = new DeviceCrypto({ userId, deviceId });
  return { deviceId, token, upload: { device_keys: crypto.deviceKeys, one_time_keys: crypto.oneTimeKeys(keysOfDevice) } };
}

async function timeOf(what: string, times: number, work: () => Promise<unknown>): Promise<Measurement> {
  const taken: number[] = [];
  for (let time = 0; time < times; time++) {
    const before = performance.now();
    await work();
    taken.push(performance.now() - before);
  }
  return { what, value: median(taken), unit: 'ms', better: 'less' };
}
