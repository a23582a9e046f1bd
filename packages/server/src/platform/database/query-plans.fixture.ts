import { ListParameter, plainValue, sqlText, templateOf } from './sql.ts';
import type { Database, InteractiveTx, Query } from './types.ts';

/**
 * How PostgreSQL would run the statements that `work` runs; none of them is run, and reading finds nothing. For tests on tables that are
 * full and have no statistics yet, as after a restore.
 */
export async function plansOf(database: Database, work: (tx: InteractiveTx) => unknown): Promise<string[]> {
  const queries: Query[] = [];
  const note = (query: Query): void => void queries.push(query);
  await work({
    all: (query) => Promise.resolve(note(query)).then(() => []),
    get: (query) => Promise.resolve(note(query)).then(() => undefined),
    change: (query) => Promise.resolve(note(query)).then(() => 0),
    run: note,
    insertMany: () => undefined,
    onCommit: () => undefined,
  });
  return Promise.all(
    queries.map(async (query) => {
      const lines = await database.all(sqlText<Record<string, string>>(`EXPLAIN ${withValues(query)}`));
      return lines.map((line) => Object.values(line).join()).join('\n');
    }),
  );
}

function withValues(query: Query): string {
  return templateOf(query).text.postgres.replaceAll(/\$(\d+)/g, (_, number: string) => literal(query.values[Number(number) - 1]));
}

function literal(value: unknown): string {
  if (value instanceof ListParameter) return `'{${value.items.join()}}'`;
  const plain = plainValue(value);
  if (typeof plain === 'number') return String(plain);
  if (typeof plain === 'string') return `'${plain.replaceAll("'", "''")}'`;
  throw new TypeError('Bytes and null are not needed here');
}
