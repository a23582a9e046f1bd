import assert from 'node:assert/strict';
import { test } from 'node:test';

import { errorStatuses, limitExceeded, MatrixError, unknownToken, unrecognized, userLocked } from './index.ts';

test('an error becomes the standard error response', () => {
  assert.deepEqual(limitExceeded(1200.4).toJson(), {
    errcode: 'M_LIMIT_EXCEEDED',
    error: 'Too many requests',
    retry_after_ms: 1201,
  });
  assert.equal(limitExceeded(5).status, 429);
  assert.deepEqual(unknownToken({ softLogout: true }).toJson(), {
    errcode: 'M_UNKNOWN_TOKEN',
    error: 'Unrecognised access token',
    soft_logout: true,
  });
  assert.equal(userLocked().toJson()['soft_logout'], true);
});

test('fields cannot hide the code', () => {
  const error = new MatrixError('M_FORBIDDEN', 'No', { fields: { errcode: 'M_FINE', error: 'Yes' } });
  assert.deepEqual(error.toJson(), { errcode: 'M_FORBIDDEN', error: 'No' });
});

test('the status is the usual one unless the endpoint has its own', () => {
  assert.equal(unrecognized(405).status, 405);
  assert.equal(new MatrixError('M_NOT_FOUND', 'No').status, 404);
  assert.equal(new MatrixError('M_NOT_FOUND', 'No', { status: 400 }).status, 400);
  assert.equal(new MatrixError('ORG.EXAMPLE_TOO_TIRED', 'Later').status, 400);
  for (const [code, status] of Object.entries(errorStatuses)) {
    assert.ok(status >= 400 && status < 600, code);
  }
});
