import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Compile } from 'typebox/compile';

import { decodeQuery, type Endpoint } from '../index.ts';
import * as federation from './index.ts';

const contracts: readonly (readonly [string, Endpoint])[] = Object.entries(federation).flatMap(([name, value]) =>
  typeof value === 'object' && 'method' in value ? [[name, value] as const] : [],
);

test('every contract carries its name and no path is claimed twice', () => {
  assert.ok(contracts.length > 20);
  const claimed = new Set<string>();
  for (const [name, contract] of contracts) {
    assert.equal(contract.id, name);
    for (const path of [contract.path, ...(contract.aliases ?? [])]) {
      const key = `${contract.method} ${path.replaceAll(/:[A-Za-z]+/g, ':')}`;
      assert.ok(!claimed.has(key), `${key} of ${name}`);
      claimed.add(key);
    }
  }
});

test('every schema compiles', () => {
  for (const [, contract] of contracts) {
    for (const schema of [contract.params, contract.query, contract.body, contract.response]) {
      if (schema !== undefined && schema !== 'raw') Compile(schema);
    }
  }
});

test('one event to go back from is a list of one', () => {
  const { query } = federation.backfillRoom;
  assert.deepEqual({ ...decodeQuery(query, { v: '$one', limit: '20' }) }, { v: ['$one'], limit: 20 });
  assert.ok(!Compile(query).Check({ limit: 20 }));
});
