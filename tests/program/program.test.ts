import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, test, type TestContext } from 'node:test';

import { freePort } from '@myelin/testing';

import { aMachine, logsIn, Program, types } from './program.ts';
import { asDebianInstallsIt, asTheContainerWritesIt } from './synapse-configurations.ts';

/** Alice registers on the command line, talks to Bob, and finds all of it after the server was ended and started again. */
async function peopleTalk(context: TestContext, port: number, configuration: readonly string[], domain: string): Promise<void> {
  const first = await Program.serves(port, ...configuration);
  context.after(() => first.signals('SIGKILL'));
  for (const name of ['alice', 'bob']) {
    const registered = await types('register-user', ...configuration, '-u', name, '-p', `${name}'s secret`, '--no-admin');
    assert.deepEqual(registered, { code: 0, output: `Registered @${name}:${domain}.\n` });
  }
  const [alice, bob] = await Promise.all([logsIn(port, 'alice', "alice's secret"), logsIn(port, 'bob', "bob's secret")]);
  const room = await alice.createsRoom({ name: 'Kitchen', invite: [bob.userId] });
  await bob.joins(room);
  await bob.syncs();
  const message = await alice.says('Tea?', room);
  const heard = await bob.waitsForSync();
  assert.equal(heard.rooms.join[room].timeline.events.at(-1).event_id, message);

  // Bob waits for news while the server is told to end: he is answered, and it ends in order.
  const waiting = bob.waitsForSync();
  await alice.get('/account/whoami');
  const [ending] = await Promise.all([first.stops(), waiting]);
  assert.equal(ending.code, 0, ending.output);

  const second = await Program.serves(port, ...configuration);
  context.after(() => second.signals('SIGKILL'));
  const answer = await bob.says('Yes please', room);
  const { rooms } = await bob.syncs();
  assert.equal(rooms.join[room].timeline.events.at(-1).event_id, answer);
  const { chunk } = await alice.get(`/rooms/${encodeURIComponent(room)}/messages`, { dir: 'b', limit: 2 });
  assert.deepEqual(
    chunk.map(({ content }: { content: { body: string } }) => content.body),
    ['Yes please', 'Tea?'],
  );
  await Promise.all([alice.http.close(), bob.http.close()]);
  assert.equal((await second.stops()).code, 0);
}

describe('the program, where Synapse ran', () => {
  test('takes over from a container: its files start it, unchanged', async (context) => {
    const machine = await aMachine();
    const place = { ...machine, port: await freePort() };
    const configuration = asTheContainerWritesIt(place);
    await peopleTalk(context, place.port, configuration, 'matrix.example.com');
    assert.ok(existsSync(machine.inside('/data/homeserver.db')));
    await machine.remove();
  });

  test('takes over from the Debian package, and writes its log where that did', async (context) => {
    const machine = await aMachine();
    const place = { ...machine, port: await freePort() };
    const configuration = asDebianInstallsIt(place);
    // As the unit does before it starts the server.
    const prepared = await types(...configuration, '--generate-keys');
    assert.equal(prepared.code, 0, prepared.output);
    await peopleTalk(context, place.port, configuration, 'debian.example.com');
    const log = readFileSync(machine.inside('/var/log/matrix-synapse/homeserver.log'), 'utf8');
    assert.match(log, / INFO .*@alice:debian\.example\.com/);
    assert.doesNotMatch(log, / DEBUG /);
    await machine.remove();
  });

  test('does not touch a database that a newer version has used, and says so', async () => {
    const machine = await aMachine();
    const place = { ...machine, port: await freePort() };
    const configuration = asTheContainerWritesIt(place);
    await (await Program.serves(place.port, ...configuration)).stops();
    const database = new DatabaseSync(machine.inside('/data/homeserver.db'));
    const before = newerSchema(database);
    const refused = await types(...configuration);
    assert.equal(refused.code, 1);
    assert.match(refused.output, /newer/);
    assert.doesNotMatch(refused.output, /\n\s+at /, 'a sentence, not a stack trace');
    assert.deepEqual(database.prepare('SELECT * FROM schema_migrations ORDER BY id').all(), before);
    database.close();
    await machine.remove();
  });

  const [unshare, ...rest] = ['unshare', '--user', '--map-root-user', '--mount'] as const;
  const canMount = spawnSync(unshare, [...rest, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

  test(
    'what was acknowledged before the disk was full is there when the operator has made room',
    { skip: canMount ? false : 'this machine lets nobody mount a small disk' },
    async (context) => {
      const machine = await aMachine();
      const place = { ...machine, port: await freePort() };
      const [, configuration = ''] = asTheContainerWritesIt(place);
      const disk = machine.inside('/disk');
      const yaml = machine.inside('/disk/homeserver.yaml');
      const program = Program.ofScript(
        [unshare, ...rest],
        // The shell outlives the first server, for the disk is gone with the last process that sees it.
        `trap : TERM
        mkdir -p ${disk} && mount -t tmpfs -o size=3m tmpfs ${disk} || exit
        sed 's#database: .*homeserver.db#database: ${disk}/homeserver.db#' ${configuration} > ${yaml}
        echo 'rc_message: { per_second: 1000, burst_count: 1000 }' >> ${yaml}
        "$0" "$1" -c ${yaml}
        mount -o remount,size=64m ${disk} && echo There is room.
        exec "$0" "$1" -c ${yaml}`,
      );
      context.after(() => program.signals('SIGKILL'));
      await program.answersAt(place.port);
      const credentials = ['-k', secretOf(configuration), '--no-admin', `http://127.0.0.1:${place.port}`];
      await types('register-user', '-u', 'alice', '-p', "alice's secret", ...credentials);
      const alice = await logsIn(place.port, 'alice', "alice's secret");
      const room = await alice.createsRoom();
      const send = `/rooms/${encodeURIComponent(room)}/send/m.room.message`;
      const acknowledged: string[] = [];
      let refused: { status: number; body: { errcode: string } } | undefined;
      for (let number = 0; number < 400 && !refused; number++) {
        const body = { msgtype: 'm.text', body: `${number} ${'x'.repeat(30_000)}` };
        const answer = await alice.request('PUT', `${send}/${number}`, { body });
        if (answer.status === 200) acknowledged.push(answer.body.event_id);
        else refused = answer;
      }
      assert.ok(acknowledged.length > 5, `${acknowledged.length} messages were taken`);
      assert.ok(refused && refused.status >= 500, `the disk was never full: ${JSON.stringify(refused)}`);
      // Reading goes on.
      await alice.get(`/rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(acknowledged[0] ?? '')}`);

      program.signals('SIGTERM');
      await program.hasSaid('There is room.');
      await program.answersAt(place.port);
      for (const eventId of acknowledged)
        await alice.get(`/rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(eventId)}`);
      await alice.says('There is room again', room);
      await alice.http.close();
      assert.equal((await program.stops()).code, 0, program.output);
      await machine.remove();
    },
  );
});

/** Notes a migration of the future, and gives all that are noted. */
function newerSchema(database: DatabaseSync): unknown[] {
  database.exec("INSERT INTO schema_migrations (id, name) VALUES (9999, 'from the future')");
  return database.prepare('SELECT * FROM schema_migrations ORDER BY id').all();
}

function secretOf(configuration: string): string {
  return /registration_shared_secret: "(.*)"/.exec(readFileSync(configuration, 'utf8'))?.[1] ?? '';
}
