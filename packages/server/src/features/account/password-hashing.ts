import { availableParallelism } from 'node:os';

import { hash, verify } from '@node-rs/bcrypt';

/** Makes and checks password hashes, off the event loop and only so many at once that the server still answers meanwhile. */
export interface PasswordHashing {
  hash(password: string): Promise<string>;
  matches(password: string, passwordHash: string): Promise<boolean>;
  /** As long as a check takes, for nothing: who asks for a user that is not there must wait as long as for one that is. */
  pretend(password: string): Promise<void>;
}

/** bcrypt reads no further. */
const bcryptBytes = 72;

/**
 * Hashes as Synapse does, so that its hashes verify: NFKC, then the pepper, then bcrypt.
 * @param settings `rounds` is bcrypt's cost; `pepper` may be empty
 */
export function createPasswordHashing(settings: { readonly rounds: number; readonly pepper: string }): PasswordHashing {
  const atOnce = limitTo(Math.max(1, availableParallelism() - 1));
  const peppered = (password: string): Uint8Array =>
    Buffer.from(password.normalize('NFKC') + settings.pepper).subarray(0, bcryptBytes);
  let nobodys: Promise<string> | undefined;
  const hashOf = (password: string): Promise<string> => atOnce(() => hash(peppered(password), { cost: settings.rounds }));
  return {
    hash: hashOf,
    matches: (password, passwordHash) => atOnce(() => verify(peppered(password), passwordHash)),
    async pretend(password) {
      nobodys ??= hashOf('nobody');
      const unreachable = await nobodys;
      await atOnce(() => verify(peppered(password), unreachable));
    },
  };
}

function limitTo(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => void waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // Whoever waits takes over the place, so that nobody slips in between.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
