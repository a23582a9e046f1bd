import type { CacheBudget } from '../../platform/cache/index.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import type { Feature } from '../feature.ts';
import type { RelatedByLookup } from '../room-history/index.ts';
import { hasAnnotation, relatedTo, type AnnotationToCheck } from './annotations.ts';
import { bundleDecorator, type BundleTools } from './bundle-aggregations.ts';
import { KnownParents } from './indexing/known-parents.ts';
import { RelationIndex } from './indexing/relation-index.ts';
import { relatedBy } from './related-by.ts';
import { internRelationTypes } from './relation-types.ts';
import { relationRoutes } from './relations.routes.ts';
import { threadRootCheck } from './thread-roots.ts';

export type { AnnotationToCheck } from './annotations.ts';
export { relationOf, type Relation } from './relation-of.ts';

/** What relations need. */
export interface RelationsNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly caches: CacheBudget;
  readonly rooms: Rooms;
}

/** What other features ask about relations. */
export interface Relations {
  /** Has this user annotated this event with the same key already? For those who send reactions: M_DUPLICATE_ANNOTATION. */
  hasAnnotation(annotation: AnnotationToCheck): Promise<boolean>;
  /** The events that relate to one in some ways (`*`: in any), for redactions that take them along. */
  relatedTo(roomNid: number, targetNid: number, relTypes: readonly string[]): Promise<readonly number[]>;
  /** For filters that ask who relates to an event, and how. */
  readonly relatedBy: RelatedByLookup;
}

/** Edits, threads, reactions, references: their index, what is bundled of them with events, and the lists of them. */
export async function relationsFeature(needs: RelationsNeeds): Promise<Feature & { readonly relations: Relations }> {
  const { names, rooms, caches } = needs;
  const types = await internRelationTypes(names);
  const known = new KnownParents(rooms.stream.now, caches);
  const tools: BundleTools = { database: needs.database, names, rooms, types, known };
  rooms.hooks.persist.push(await RelationIndex.open(needs, types, known));
  rooms.hooks.decorators.push(bundleDecorator(tools));
  rooms.hooks.send.push(threadRootCheck(needs));
  return {
    name: 'relations',
    routes: relationRoutes(tools),
    relations: {
      hasAnnotation: (annotation) => hasAnnotation(tools, annotation),
      relatedTo: (_roomNid, targetNid, relTypes) => relatedTo(tools, targetNid, relTypes),
      relatedBy: (viewer, events) => relatedBy(tools, viewer, events),
    },
  };
}
