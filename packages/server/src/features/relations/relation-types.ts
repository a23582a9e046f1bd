import type { Interner } from '../../platform/database/index.ts';

/** The integers of the relations that have a meaning of their own here. */
export interface RelationTypes {
  readonly annotation: number;
  readonly reference: number;
  readonly replace: number;
  readonly thread: number;
}

/** https://spec.matrix.org/v1.19/client-server-api/#relationship-types */
export async function internRelationTypes(names: Interner): Promise<RelationTypes> {
  return {
    annotation: await names.idOf('m.annotation'),
    reference: await names.idOf('m.reference'),
    replace: await names.idOf('m.replace'),
    thread: await names.idOf('m.thread'),
  };
}
