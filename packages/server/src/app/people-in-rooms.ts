import type { RoomAlias, UserId } from '@myelin/protocol/identifiers';

import { autoJoin, type AutoJoinRooms, type RoomActor } from '../features/registration/index.ts';
import type { RoomCreation } from '../features/room-creation/index.ts';
import type { RoomDirectory } from '../features/room-directory/index.ts';
import type { RoomMembership } from '../features/room-membership/index.ts';
import type { RoomIdentity } from '../rooms/index.ts';
import type { AccountFeatures } from './account-features.ts';
import type { AppNeeds } from './needs.ts';

interface RoomFeatures {
  readonly membership: RoomMembership;
  readonly creation: RoomCreation;
  readonly directory: RoomDirectory;
}

/** New users join the rooms that the configuration names; users who are gone leave all of theirs. */
export function connectPeopleToRooms(needs: AppNeeds, people: AccountFeatures, features: RoomFeatures): void {
  people.registrationHooks.onRegistered.push(autoJoin({ ...needs, rooms: autoJoinRooms(needs, features) }));
  people.accountHooks.onDeactivated.push((account) => features.membership.leaveAllRooms(account));
}

/** That many people register at once must not keep them out of the rooms that the server takes them to. */
function byServer(by: RoomActor): RoomActor & { readonly isServersDoing: true } {
  return { ...by, isServersDoing: true };
}

function autoJoinRooms({ rooms }: AppNeeds, { membership, creation, directory }: RoomFeatures): AutoJoinRooms {
  const knownRoom = async (alias: RoomAlias): Promise<RoomIdentity | undefined> => {
    const found = await directory.resolve(alias);
    return found && rooms.ids.find(found.roomId);
  };
  return {
    exists: async (alias) => (await directory.resolve(alias)) !== undefined,
    async create(by, { aliasName, preset, federated }) {
      await creation.create(byServer(by), {
        preset,
        room_alias_name: aliasName,
        ...(!federated && { creation_content: { 'm.federate': false } }),
      });
    },
    async join(by, alias) {
      await membership.join({ by: byServer(by), room: alias });
    },
    async needsInvite(alias) {
      const room = await knownRoom(alias);
      const rule = room && (await rooms.states.current(room.nid, 'm.room.join_rules', ''));
      return rule !== undefined && rule.content['join_rule'] !== 'public';
    },
    async invite(by, target: UserId, alias) {
      const room = await knownRoom(alias);
      if (room) await membership.set({ action: 'invite', by: byServer(by), target, room });
    },
  };
}
