import type { RoomId } from '@myelin/protocol/identifiers';

import type { Feature } from '../feature.ts';
import type { Actor } from '../room-membership/index.ts';
import { createRoom, type RoomWishes } from './create-room.ts';
import type { CreationTools } from './creation-tools.ts';
import { UpgradeFollowing } from './follow-upgrades.ts';
import type { NewRoomDirectory, UpgradeFollower } from './neighbours.ts';
import { noDirectory } from './no-directory.ts';
import { creationRoutes } from './room-creation.routes.ts';

export { carryAccountData, carryPushRules } from './carry-user-data.ts';
export type { RoomWishes } from './create-room.ts';
export type { AliasReservation, ListedRoom, NewRoomDirectory, UpgradeFollower } from './neighbours.ts';

/** What other features do with new rooms. */
export interface RoomCreation {
  /** Makes a room as `/createRoom` does. */
  create(by: Actor, wishes: RoomWishes): Promise<RoomId>;
}

/** What the feature is given; neighbours that are not there yet count as having nothing to say. */
export type RoomCreationNeeds = Omit<CreationTools, 'directory'> & {
  readonly directory?: NewRoomDirectory;
  /** Who carries what users keep about a room over to its replacement. */
  readonly upgradeFollowers?: readonly UpgradeFollower[];
};

const resumeEveryMs = 300_000;

/** Making rooms, and replacing them by rooms of another version. */
export function roomCreationFeature(needs: RoomCreationNeeds): { feature: Feature; creation: RoomCreation } {
  const tools: CreationTools = {
    config: needs.config,
    database: needs.database,
    names: needs.names,
    rooms: needs.rooms,
    logger: needs.logger,
    serverName: needs.serverName,
    membership: needs.membership,
    directory: needs.directory ?? noDirectory,
  };
  const following = new UpgradeFollowing({ ...tools, followers: needs.upgradeFollowers ?? [] });
  tools.rooms.hooks.persist.push(following.hook);
  return {
    feature: {
      name: 'room-creation',
      routes: creationRoutes(tools),
      jobs: [{ name: 'follow upgrades', everyMs: resumeEveryMs, run: () => following.resume() }],
      stop: () => following.settled(),
    },
    creation: { create: (by, wishes) => createRoom(tools, by, wishes) },
  };
}
