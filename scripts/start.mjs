// `npm start`: from a fresh clone to a running homeserver. Runs on Node 18, like everything that must work before `npm ci` has.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { get } from 'node:http';
import { join, relative } from 'node:path';

import { installMissing, root } from './install-missing.mjs';

const myelin = join(root, 'packages', 'server', 'bin', 'myelin.mjs');
const data = join(root, 'data');
const config = join(data, 'homeserver.yaml');
const address = 'http://127.0.0.1:8008';

installMissing();
const isNew = !existsSync(config);
if (isNew) writeFirstConfig();
serve();

/** Writes a configuration for trying Myelin out on this machine: closed registration, SQLite, everything in one directory. */
function writeFirstConfig() {
  mkdirSync(data, { recursive: true });
  const places = ['--config-directory', data, '--data-directory', data, '--public-baseurl', `${address}/`];
  const args = [myelin, '--generate-config', '-c', config, '-H', 'localhost', '--report-stats', 'no', ...places];
  if (spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0)
    stop(`The first configuration could not be written to ${data}.`);
}

function serve() {
  const child = spawn(process.execPath, [myelin, '-c', config, '--data-directory', data, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  let ended = false;
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // Ctrl-C at a terminal reaches the server by itself; a second one would mean "at once".
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => stop(`Myelin cannot start: ${error.message}`));
  child.on('exit', (code, signal) => {
    ended = true;
    process.exit(code ?? (signal === 'SIGKILL' ? 137 : 1));
  });
  whenItAnswers(() => ended, sayWhatIsNext);
}

/** Asks until the server answers; nothing more is said when it has ended, or does not answer within a minute. */
function whenItAnswers(ended, then, attempts = 600) {
  if (ended() || attempts === 0) return;
  const again = () => setTimeout(() => whenItAnswers(ended, then, attempts - 1), 100);
  const request = get(`${address}/_matrix/client/versions`, { timeout: 1000 }, (response) => {
    response.resume();
    if (response.statusCode === 200 && !ended()) then();
    else again();
  });
  request.on('timeout', () => request.destroy(new Error('no answer')));
  request.on('error', again);
}

function sayWhatIsNext() {
  const configPath = relative(process.cwd(), config);
  console.log(`
Myelin runs at ${address}

  Register the first user, an admin:   ${relative(process.cwd(), join(root, 'node_modules', '.bin', 'myelin'))} register-user -c ${configPath} --admin
  Then log in with any Matrix client, with ${address} as the homeserver.
  Configuration:                       ${configPath}
  Everything to back up:               ${relative(process.cwd(), data)}/ (but for homeserver.db.claims, which tells a restored copy)
  Registration by strangers is closed; the configuration says how to open it.
  Ctrl-C ends the server.
`);
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
