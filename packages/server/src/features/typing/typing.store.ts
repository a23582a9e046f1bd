import { sql, type Database } from '../../platform/database/index.ts';

/** The rooms in which somebody typed when the server ended; they are forgotten here by being read. */
export async function takeInterrupted(database: Database): Promise<Set<number>> {
  const rows = await database.all<{ room_nid: number }>(sql`SELECT room_nid FROM typing_at_stop`);
  if (rows.length > 0) await database.write((tx) => tx.run(sql`DELETE FROM typing_at_stop`));
  return new Set(rows.map((row) => row.room_nid));
}

/** Writes down where somebody types while the server ends. */
export async function putInterrupted(database: Database, roomNids: readonly number[]): Promise<void> {
  if (roomNids.length === 0) return;
  await database.write((tx) =>
    tx.insertMany(
      'typing_at_stop',
      ['room_nid'],
      roomNids.map((roomNid) => [roomNid]),
      '(room_nid) DO NOTHING',
    ),
  );
}
