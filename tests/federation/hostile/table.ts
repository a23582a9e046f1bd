import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { redactPdu } from '@myelin/protocol/events';
import type { TestHomeserverOptions } from '@myelin/testing';

import { Stage, type HostileRoom, type Sent } from './hostile-room.ts';

/** One bad or awkward thing, and what it must get. */
export interface Row {
  readonly what: string;
  /** Room versions; 10 and 12 unless given. */
  readonly in?: readonly string[];
  /** Makes ready what the row needs, in a room of its own. */
  readonly given?: (room: HostileRoom) => Promise<void>;
  /** What is sent. Of several events the last one is looked at. */
  readonly sends: (room: HostileRoom) => Sent | readonly Sent[] | Promise<Sent | readonly Sent[]>;
  /** What the answer to the transaction says of the event: that it is taken, why not, or nothing at all. */
  readonly gets: 'taken' | 'no result' | RegExp;
  /** Not looked at where it is left out. */
  readonly clientsSee?: 'nothing' | 'the event' | 'a redacted event';
  /** What must be so besides. */
  readonly afterwards?: (room: HostileRoom, sent: Sent) => Promise<void>;
}

/** Sends the rows to a homeserver, each in its room versions. */
export function holdAgainst(title: string, rows: readonly Row[], options: Omit<TestHomeserverOptions, 'resolver'> = {}): void {
  describe(title, () => {
    let stage: Stage | undefined;
    before(async () => {
      stage = await Stage.open(options);
    });
    after(() => stage?.close());
    for (const row of rows) {
      for (const version of row.in ?? ['10', '12']) {
        test(`${row.what} (version ${version})`, { timeout: 10_000 }, async () => {
          assert.ok(stage);
          await holds(stage, row, version);
        });
      }
    }
  });
}

async function holds(stage: Stage, row: Row, version: string): Promise<void> {
  const room = await (row.given ? stage.room(version) : stage.sharedRoom(version));
  await row.given?.(room);
  const sent = [await row.sends(room)].flat();
  const last = sent.at(-1);
  assert.ok(last);
  const { status, body } = await stage.sends({ pdus: sent.map(({ pdu, wire = pdu }) => wire) });
  assert.equal(status, 200, JSON.stringify(body));
  const { eventId = '$none' } = last;
  const result = body.pdus[eventId];
  if (row.gets === 'no result') assert.deepEqual(body.pdus, {});
  else if (row.gets === 'taken') assert.deepEqual(result, {});
  else assert.match(result?.error ?? JSON.stringify(body.pdus), row.gets);

  await room.settles();
  if (row.clientsSee !== undefined) await seesRightly(room, last, row.clientsSee);
  await row.afterwards?.(room, last);
}

async function seesRightly(room: HostileRoom, { eventId, pdu }: Sent, expected: Row['clientsSee']): Promise<void> {
  const { event, inTimeline } = await room.whatClientsSee(eventId ?? '$none');
  assert.equal(event !== undefined, expected !== 'nothing', `clients see ${JSON.stringify(event)}`);
  assert.equal(inTimeline, expected !== 'nothing');
  if (event === undefined) return;
  const content = expected === 'the event' ? JSON.parse(JSON.stringify(pdu.content)) : redactPdu(pdu, room.rules).content;
  // Clients find it in both places, whatever the room version.
  assert.deepEqual(event.content, pdu.redacts === undefined ? content : { ...content, redacts: pdu.redacts });
}
