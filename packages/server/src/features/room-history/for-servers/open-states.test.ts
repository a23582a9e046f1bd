import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MatrixError } from '@myelin/protocol/errors';
import type { ServerName } from '@myelin/protocol/identifiers';

import { OpenStates } from './open-states.ts';

const nest = 'nest.example' as ServerName;

test('few whole states are on their way to one server, whoever asks beside it', () => {
  const open = new OpenStates();
  const ends = Array.from({ length: 4 }, () => open.take(nest));
  const isTooMuch = (error: unknown): boolean => error instanceof MatrixError && error.errcode === 'M_LIMIT_EXCEEDED';
  assert.throws(() => open.take(nest), isTooMuch);
  open.take('other.example' as ServerName)();
  // Ending twice makes room once.
  ends[0]?.();
  ends[0]?.();
  const last = open.take(nest);
  assert.throws(() => open.take(nest), isTooMuch);
  last();
  open.take(nest);
});
