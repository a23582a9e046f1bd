import { Turns } from '../../platform/turns.ts';
import type { Feature } from '../feature.ts';
import type { MessageTools } from './message-tools.ts';
import type { AliasTargets, RelatedEvents } from './neighbours.ts';
import { noteRedactions } from './redaction-retention.ts';
import { messageJobs } from './room-messages.jobs.ts';
import { messageRoutes } from './room-messages.routes.ts';

export type { AliasTargets, Annotation, RelatedEvents } from './neighbours.ts';

/** What the feature is given; neighbours that are not there yet count as having nothing to say. */
export type RoomMessagesNeeds = Omit<MessageTools, 'aliases' | 'related' | 'annotating'> & {
  readonly aliases?: AliasTargets;
  readonly related?: RelatedEvents;
};

/** Sending messages, setting state, redacting. */
export function roomMessagesFeature(needs: RoomMessagesNeeds): Feature {
  const tools: MessageTools = {
    config: needs.config,
    database: needs.database,
    names: needs.names,
    rooms: needs.rooms,
    clock: needs.clock,
    limiters: needs.limiters,
    logger: needs.logger,
    serverName: needs.serverName,
    membership: needs.membership,
    aliases: needs.aliases ?? { resolve: () => Promise.resolve(undefined) },
    related: needs.related ?? { hasAnnotation: () => Promise.resolve(false), relatedTo: () => Promise.resolve([]) },
    annotating: new Turns(),
  };
  tools.rooms.hooks.persist.push(noteRedactions(tools));
  return { name: 'room-messages', routes: messageRoutes(tools), jobs: messageJobs(tools) };
}
