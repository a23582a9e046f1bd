import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';

import { someone, temporaryDirectory, type } from './cli.fixture.ts';

const secret = 'between us';
const directory = temporaryDirectory();
const registered: Record<string, unknown>[] = [];

// The protocol as Synapse's manual describes it, and nothing else.
const homeserver = createServer((request, response) => {
  const answer = (status: number, body: unknown): void => void response.writeHead(status).end(JSON.stringify(body));
  if (request.url !== '/_synapse/admin/v1/register') return answer(404, { errcode: 'M_UNRECOGNIZED' });
  if (request.method === 'GET') return answer(200, { nonce: 'once' });
  void json(request).then((body) => {
    const user = body as Record<string, unknown>;
    const words = [
      user['nonce'],
      user['username'],
      user['password'],
      user['admin'] === true ? 'admin' : 'notadmin',
      user['user_type'],
    ];
    const mac = createHmac('sha1', secret)
      .update(words.filter((word) => typeof word === 'string').join('\0'))
      .digest('hex');
    if (mac !== user['mac']) return answer(403, { errcode: 'M_FORBIDDEN', error: 'HMAC incorrect' });
    if (registered.some((other) => other['username'] === user['username']))
      return answer(400, { errcode: 'M_USER_IN_USE', error: 'User ID already taken.' });
    registered.push(user);
    answer(200, { user_id: `@${String(user['username'])}:example.com` });
  });
});
let config = '';
let address = '';

before(async () => {
  await new Promise<void>((resolve) => homeserver.listen(0, '127.0.0.1', resolve));
  const { port } = homeserver.address() as AddressInfo;
  address = `http://127.0.0.1:${port}`;
  config = join(directory, 'homeserver.yaml');
  writeFileSync(
    config,
    `server_name: example.com
registration_shared_secret: ${secret}
listeners: [{ port: ${port}, bind_addresses: ['127.0.0.1'], resources: [{ names: [client] }] }]
`,
  );
});
after(() => void homeserver.close());

describe('register-user', () => {
  test('Alice becomes an admin by answering questions', async () => {
    const { terminal, said, asked } = someone({ answers: ['alice', 'wonderland', 'wonderland', 'yes'] });
    assert.equal(await type(['register-user', '-c', config], terminal), 0);
    assert.deepEqual(asked, ['New user localpart: ', 'Password: ', 'Confirm password: ', 'Make admin [no]: ']);
    assert.deepEqual(said, ['Registered @alice:example.com, a server admin.']);
    assert.equal(registered.at(-1)?.['admin'], true);
  });

  test('a script registers Bob, with flags alone', async () => {
    const { terminal, said } = someone();
    assert.equal(
      await type(
        ['register-user', '-u', 'bob', '-p', 'builder', '--no-admin', '-t', 'bot', '-k', secret, `${address}/`],
        terminal,
      ),
      0,
    );
    assert.deepEqual(said, ['Registered @bob:example.com.']);
    assert.equal(registered.at(-1)?.['user_type'], 'bot');
  });

  test('a password may come from a file or a pipe', async () => {
    const file = join(directory, 'password');
    writeFileSync(file, 'from a file\n');
    assert.equal(await type(['register-user', '-u', 'carol', '--password-file', file, '-c', config], someone().terminal), 0);
    assert.equal(registered.at(-1)?.['password'], 'from a file');
    assert.equal(
      await type(['register-user', '-u', 'dave', '--password-file', '-', '-c', config], someone({ input: 'piped\n' }).terminal),
      0,
    );
    assert.equal(registered.at(-1)?.['password'], 'piped');
  });

  test('who is there already is an error, unless that is fine', async () => {
    const line = ['register-user', '-u', 'eve', '-p', 'x', '-c', config];
    await type(line, someone().terminal);
    const { terminal, complained } = someone();
    assert.equal(await type(line, terminal), 2);
    assert.deepEqual(complained, ['The server refused: User ID already taken. (M_USER_IN_USE).']);
    assert.equal(await type([...line, '--exists-ok'], terminal), 0);
  });

  test('what cannot be is said', async () => {
    for (const [line, complaint] of [
      [['-u', 'x', '-p', 'y'], /Name its configuration \(-c homeserver\.yaml\) or its secret \(-k\)/],
      [['-u', 'x', '-p', 'y', '-k', 'wrong', address], /The server refused: HMAC incorrect/],
      [['-u', 'x', '-p', 'y', '-k', secret, 'http://127.0.0.1:1'], /cannot be reached: is the server running\?/],
      [['-u', 'x', '-p', 'y', '-k', secret, `${address}/elsewhere`], /does not register by shared secret/],
      [['-u', 'x', '-p', 'y', '-k', secret, 'localhost'], /is not the address of a server/],
      [['-p', 'y', '-k', secret], /Name the user: -u NAME/],
      [['-u', 'x', '-k', secret], /no password, and nobody to ask/],
      [['-a', '--no-admin', '-k', secret], /exclude each other/],
    ] as const) {
      const { terminal, complained } = someone();
      assert.equal(await type(['register-user', ...line], terminal), 2);
      assert.match(complained.join('\n'), complaint);
    }
  });
});
