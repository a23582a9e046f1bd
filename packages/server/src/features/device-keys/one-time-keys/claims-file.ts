import { closeSync, fdatasync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

import type { Config } from '../../../config/index.ts';
import type { Database } from '../../../platform/database/index.ts';
import type { Logger } from '../../../platform/observability/index.ts';
import { raiseClaimCount, readClaimCount, voidAllStocks } from './one-time-keys.store.ts';

/** Knows outside the database how often keys were given out; docs/decisions/one-time-keys-and-restored-databases.md */
export interface ClaimsFile {
  /** So often, by now. Written when this returns; a crash of the machine may take the last moments away. */
  note(claims: number): void;
  close(): void;
}

export interface ClaimsFileNeeds {
  readonly config: Pick<Config, 'one_time_key_claims_path'>;
  readonly database: Database;
  readonly logger: Logger;
}

/** As long as any number may be, so that each write overwrites the last in full. */
const digits = 16;

/**
 * Compares the file with the database. A database that knows of fewer claims was restored from a copy: what it holds may have been given
 * out, so all one-time keys are void. So they are where the file is missing although there were claims: then nobody knows. Without a file
 * that can be written the server runs, and says that it will not notice.
 */
export async function openClaimsFile({ config, database, logger }: ClaimsFileNeeds): Promise<ClaimsFile> {
  const path = config.one_time_key_claims_path;
  const inDatabase = await readClaimCount(database);
  const file = path === null ? undefined : open(path, logger);
  const isBehind = file !== undefined && (file.claims === undefined ? inDatabase > 0 : inDatabase < file.claims);
  const claims = Math.max(inDatabase, file?.claims ?? 0);
  if (isBehind) {
    logger.warn(
      { path, claims: file.claims, inDatabase },
      'the database knows of fewer claims of one-time keys than the file: it was restored; clients will upload their keys anew',
    );
    await database.write((tx) => {
      voidAllStocks(tx);
      raiseClaimCount(tx, claims);
    });
  }
  file?.write(claims);
  return { note: (count) => file?.write(count), close: () => file?.close() };
}

interface OpenFile {
  /** What it said; undefined where it was not there, or said nothing. */
  readonly claims: number | undefined;
  write(claims: number): void;
  close(): void;
}

function open(path: string, logger: Logger): OpenFile | undefined {
  try {
    const claims = readClaims(path);
    const descriptor = openSync(path, claims === undefined ? 'w' : 'r+', 0o600);
    let syncing = false;
    let closed = false;
    return {
      claims,
      write(count) {
        writeSync(descriptor, `${String(count).padStart(digits, '0')}\n`, 0);
        if (syncing || closed) return;
        syncing = true;
        // Behind the answer: what this is for is a database that was copied, not the last moments before the power went.
        fdatasync(descriptor, (error) => {
          syncing = false;
          if (error && !closed) logger.warn({ err: error, path }, 'the count of claimed one-time keys may not outlive a crash');
        });
      },
      close() {
        closed = true;
        ftruncateSync(descriptor, digits + 1);
        closeSync(descriptor);
      },
    };
  } catch (error) {
    logger.warn({ err: error, path }, 'cannot keep the count of claimed one-time keys: a restored database will not be noticed');
    return undefined;
  }
}

function readClaims(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}
