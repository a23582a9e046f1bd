import { forbidden } from '@myelin/protocol/errors';

import type { NewRoomDirectory } from './neighbours.ts';

/** For a server without a directory: rooms have ids only and are listed nowhere. */
export const noDirectory: NewRoomDirectory = {
  reserve: () => Promise.reject(forbidden('This server keeps no aliases')),
  mayPublish: () => false,
  publish: () => undefined,
  prepareMove: () => Promise.resolve(() => undefined),
};
