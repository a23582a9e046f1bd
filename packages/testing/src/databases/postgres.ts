import { randomBytes } from 'node:crypto';

import { openDatabase, type DatabaseSettings, type Migration, type PostgresSettings } from '@myelin/server/platform/database';
import pg from 'pg';

import { findPostgres } from './find-postgres.ts';
import { PostgresServer } from './postgres-server.ts';
import type { TestDatabases } from './test-databases.ts';

interface Template {
  readonly name: Promise<string>;
  used: number;
  /** A copy that is made before it is asked for. */
  spare?: Promise<string>;
}

let server: Promise<PostgresSettings> | undefined;
/** One database with the schema for each list of migrations, made once by this process and then copied by the server. */
const templates = new Map<readonly Migration[], Template>();
const names = `myelin_test_${randomBytes(5).toString('hex')}`;
let nextName = 1;

/**
 * Databases on one PostgreSQL server: the one that MYELIN_TEST_POSTGRES names (`postgres://user:password@host:port/database`), else one
 * that this process starts, on first use, and that ends with it. Undefined where there is none; `noPostgresReason` says why.
 */
export function postgresDatabases(): TestDatabases | undefined {
  if (findPostgres().kind === 'none') return undefined;
  return { label: 'PostgreSQL', dialect: 'postgres', create };
}

/** Why there is no PostgreSQL for tests; undefined when there is one. */
export function noPostgresReason(): string | undefined {
  const found = findPostgres();
  return found.kind === 'none' ? found.reason : undefined;
}

/**
 * Starts a server and makes this process and those that it starts use it: for a program that runs test files in several processes.
 * Undefined when there is none to start, or one is named already.
 */
export async function sharePostgres(): Promise<PostgresServer | undefined> {
  const found = findPostgres();
  if (found.kind === 'none' || found.kind === 'running') return undefined;
  const shared = await PostgresServer.create(found);
  process.env['MYELIN_TEST_POSTGRES'] = `postgres://myelin@localhost:5432/postgres?host=${encodeURIComponent(shared.directory)}`;
  return shared;
}

async function create(migrations: readonly Migration[]): ReturnType<TestDatabases['create']> {
  server ??= startServer();
  const settings = await server;
  let template = templates.get(migrations);
  if (template === undefined) templates.set(migrations, (template = { name: makeTemplate(settings, migrations), used: 0 }));
  template.used++;
  const name = await (template.spare ?? copyOf(settings, template));
  // Making one takes longer than most tests: the next is made meanwhile, once it is likely that there is a next.
  if (template.used > 1) template.spare = copyOf(settings, template);
  return {
    settings: settingsFor(settings, name),
    remove: () => administer(settings, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

async function copyOf(settings: PostgresSettings, template: Template): Promise<string> {
  const name = nameOfNext();
  await administer(settings, `CREATE DATABASE ${name} TEMPLATE ${await template.name}`);
  return name;
}

async function startServer(): Promise<PostgresSettings> {
  const found = findPostgres();
  if (found.kind === 'none') throw new Error(`There is no PostgreSQL: ${found.reason}`);
  if (found.kind === 'running') return settingsFromUrl(new URL(found.url));
  return (await PostgresServer.create(found)).settings;
}

async function makeTemplate(settings: PostgresSettings, migrations: readonly Migration[]): Promise<string> {
  const name = nameOfNext();
  await administer(settings, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  const database = await openDatabase(settingsFor(settings, name), migrations);
  await database.close();
  return name;
}

function nameOfNext(): string {
  return `${names}_${nextName++}`;
}

function settingsFor(settings: PostgresSettings, database: string): DatabaseSettings {
  return { ...settings, database, maxConnections: 5, synchronousCommit: 'off' };
}

async function administer(settings: PostgresSettings, statement: string): Promise<void> {
  const { host, port, user, password, database } = settings;
  const client = new pg.Client({ host, port, user, password: password ?? '', database });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function settingsFromUrl(url: URL): PostgresSettings {
  const host = url.searchParams.get('host') ?? url.hostname;
  return {
    kind: 'postgres',
    host: host === '' ? 'localhost' : host,
    port: url.port === '' ? 5432 : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: url.pathname === '/' || url.pathname === '' ? 'postgres' : decodeURIComponent(url.pathname.slice(1)),
  };
}
