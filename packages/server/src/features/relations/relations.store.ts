import type { EventId } from '@myelin/protocol/identifiers';

import { inList, sql, type Db, type Tx } from '../../platform/database/index.ts';
import type { PaginationToken } from '../../rooms/index.ts';

/** A relation as it is written: who is related to whom, and where the child stands. */
export interface RelationRow {
  readonly parentNid: number;
  readonly depth: number;
  readonly position: number;
  readonly childNid: number;
  readonly relTypeNid: number;
  readonly typeNid: number;
  readonly senderNid: number;
}

/** A place in a parent's children. */
export interface ChildPlace {
  readonly child_nid: number;
  readonly depth: number;
  readonly position: number;
}

/** Which children are wanted: of one kind or of all, within bounds of place. Undefined bounds nothing. */
export interface ChildQuery {
  readonly relTypeNid?: number | undefined;
  readonly typeNid?: number | undefined;
  readonly from?: PaginationToken | undefined;
  readonly to?: PaginationToken | undefined;
  readonly direction: 'b' | 'f';
  readonly limit: number;
  /** How many steps down: 1 is the parent's own children. */
  readonly levels: number;
}

/** Writes a relation. */
export function putRelation(tx: Tx, row: RelationRow): void {
  tx.run(sql`INSERT INTO relations (parent_nid, depth, position, child_nid, rel_type_nid, type_nid, sender_nid)
    VALUES (${row.parentNid}, ${row.depth}, ${row.position}, ${row.childNid}, ${row.relTypeNid}, ${row.typeNid}, ${row.senderNid})
    ON CONFLICT (parent_nid, depth, position) DO NOTHING`);
}

/** Breaks a relation. */
export function deleteRelation(tx: Tx, at: Pick<RelationRow, 'parentNid' | 'depth' | 'position'>): void {
  tx.run(sql`DELETE FROM relations WHERE parent_nid = ${at.parentNid} AND depth = ${at.depth} AND position = ${at.position}`);
}

/** Notes a child whose parent is not known. */
export function putOrphan(tx: Tx, parentId: EventId, childNid: number): void {
  tx.run(sql`INSERT INTO relation_orphans (parent_id, child_nid) VALUES (${parentId}, ${childNid})
    ON CONFLICT (parent_id, child_nid) DO NOTHING`);
}

/** The parent has come: nobody waits for it any more. */
export function deleteOrphansOf(tx: Tx, parentId: EventId): void {
  tx.run(sql`DELETE FROM relation_orphans WHERE parent_id = ${parentId}`);
}

/** Children that wait for an event. */
export async function orphansOf(db: Db, parentId: EventId): Promise<number[]> {
  const rows = await db.all<{ child_nid: number }>(sql`SELECT child_nid FROM relation_orphans WHERE parent_id = ${parentId}`);
  return rows.map((row) => row.child_nid);
}

/** All children that wait, at most `limit`. */
export async function loadOrphans(db: Db, limit: number): Promise<{ parent_id: EventId; child_nid: number }[]> {
  return db.all(sql`SELECT parent_id, child_nid FROM relation_orphans LIMIT ${limit}`);
}

/** Which of these events have children, and in which kinds of relation. */
export async function childrenByRelation(
  db: Db,
  parentNids: readonly number[],
): Promise<{ parent_nid: number; rel_type_nid: number }[]> {
  return db.all(sql`SELECT DISTINCT parent_nid, rel_type_nid FROM relations WHERE parent_nid ${inList(parentNids)}`);
}

/** Children of these events in some kinds of relation, newest first, at most `limit`. */
export async function childrenOf(
  db: Db,
  parentNids: readonly number[],
  relTypeNids: readonly number[],
  limit: number,
): Promise<{ parent_nid: number; child_nid: number; rel_type_nid: number; type_nid: number; sender_nid: number }[]> {
  return db.all(sql`SELECT parent_nid, child_nid, rel_type_nid, type_nid, sender_nid FROM relations
    WHERE parent_nid ${inList(parentNids)} AND rel_type_nid ${inList(relTypeNids)}
    ORDER BY depth DESC, position DESC LIMIT ${limit}`);
}

/** Who has related to these events, and how; each combination once. */
export async function sendersOfChildren(
  db: Db,
  parentNids: readonly number[],
  upTo: number,
): Promise<{ parent_nid: number; rel_type_nid: number; sender_nid: number }[]> {
  return db.all(sql`SELECT DISTINCT parent_nid, rel_type_nid, sender_nid FROM relations
    WHERE parent_nid ${inList(parentNids)} AND position <= ${upTo}`);
}

/** One user's children of an event in one kind of relation and of one type. */
export async function childrenBySender(
  db: Db,
  parentNid: number,
  wanted: { readonly relTypeNid: number; readonly typeNid: number; readonly senderNid: number },
): Promise<number[]> {
  const rows = await db.all<{ child_nid: number }>(
    sql`SELECT child_nid FROM relations WHERE parent_nid = ${parentNid} AND rel_type_nid = ${wanted.relTypeNid}
        AND type_nid = ${wanted.typeNid} AND sender_nid = ${wanted.senderNid}`,
  );
  return rows.map((row) => row.child_nid);
}

/** An event's children in some kinds of relation, or in all, newest first, at most `limit`. */
export async function childrenIn(
  db: Db,
  parentNid: number,
  relTypeNids: readonly number[] | undefined,
  limit: number,
): Promise<number[]> {
  const rows = await (relTypeNids === undefined
    ? db.all<{ child_nid: number }>(
        sql`SELECT child_nid FROM relations WHERE parent_nid = ${parentNid} ORDER BY depth DESC, position DESC LIMIT ${limit}`,
      )
    : db.all<{ child_nid: number }>(
        sql`SELECT child_nid FROM relations WHERE parent_nid = ${parentNid} AND rel_type_nid ${inList(relTypeNids)}
            ORDER BY depth DESC, position DESC LIMIT ${limit}`,
      ));
  return rows.map((row) => row.child_nid);
}

interface Bound {
  readonly depth: number;
  readonly position: number;
  readonly stream: number;
}

const most = Number.MAX_SAFE_INTEGER;
const largest: Bound = { depth: most, position: most, stream: most };
const smallest: Bound = { depth: -1, position: -most, stream: -most };

function bound(token: PaginationToken | undefined, open: Bound): Bound {
  if (!token) return open;
  return token.order === 'stream'
    ? { ...open, stream: token.position }
    : { ...open, depth: token.depth, position: token.position };
}

/** A page of what relates to an event, in the direction's order. */
export async function pageOfChildren(db: Db, parentNid: number, query: ChildQuery): Promise<ChildPlace[]> {
  const [first, last] = query.direction === 'b' ? [query.to, query.from] : [query.from, query.to];
  const lower = bound(first, smallest);
  const upper = bound(last, largest);
  const type = { least: query.typeNid ?? 0, most: query.typeNid ?? most };
  const relType = { least: query.relTypeNid ?? 0, most: query.relTypeNid ?? most };
  if (query.levels > 1) return pageOfDescendants(db, parentNid, query, { lower, upper, type, relType });
  return query.direction === 'b'
    ? db.all(sql`SELECT child_nid, depth, position FROM relations WHERE parent_nid = ${parentNid}
        AND rel_type_nid >= ${relType.least} AND rel_type_nid <= ${relType.most} AND type_nid >= ${type.least} AND type_nid <= ${type.most}
        AND (depth, position) > (${lower.depth}, ${lower.position}) AND (depth, position) <= (${upper.depth}, ${upper.position})
        AND position > ${lower.stream} AND position <= ${upper.stream}
        ORDER BY depth DESC, position DESC LIMIT ${query.limit}`)
    : db.all(sql`SELECT child_nid, depth, position FROM relations WHERE parent_nid = ${parentNid}
        AND rel_type_nid >= ${relType.least} AND rel_type_nid <= ${relType.most} AND type_nid >= ${type.least} AND type_nid <= ${type.most}
        AND (depth, position) > (${lower.depth}, ${lower.position}) AND (depth, position) <= (${upper.depth}, ${upper.position})
        AND position > ${lower.stream} AND position <= ${upper.stream}
        ORDER BY depth, position LIMIT ${query.limit}`);
}

interface Span {
  readonly least: number;
  readonly most: number;
}

/** The same, with what relates to what relates to it. Each step goes only through relations that are wanted themselves. */
function pageOfDescendants(
  db: Db,
  parentNid: number,
  query: ChildQuery,
  { lower, upper, type, relType }: { lower: Bound; upper: Bound; type: Span; relType: Span },
): Promise<ChildPlace[]> {
  // Read backwards by turning the signs round: one text serves both directions.
  const sign = query.direction === 'b' ? -1 : 1;
  return db.all(sql`WITH RECURSIVE descendants (child_nid, depth, position, level) AS (
      SELECT child_nid, depth, position, 1 FROM relations WHERE parent_nid = ${parentNid}
        AND rel_type_nid >= ${relType.least} AND rel_type_nid <= ${relType.most} AND type_nid >= ${type.least} AND type_nid <= ${type.most}
      UNION ALL
      SELECT r.child_nid, r.depth, r.position, d.level + 1 FROM relations r JOIN descendants d ON r.parent_nid = d.child_nid
        WHERE d.level < CAST(${query.levels} AS bigint)
        AND r.rel_type_nid >= ${relType.least} AND r.rel_type_nid <= ${relType.most}
        AND r.type_nid >= ${type.least} AND r.type_nid <= ${type.most}
    )
    SELECT child_nid, depth, position FROM descendants
    WHERE (depth, position) > (${lower.depth}, ${lower.position}) AND (depth, position) <= (${upper.depth}, ${upper.position})
      AND position > ${lower.stream} AND position <= ${upper.stream}
    ORDER BY depth * CAST(${sign} AS bigint), position * CAST(${sign} AS bigint) LIMIT ${query.limit}`);
}
