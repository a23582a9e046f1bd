import { domainOf, localpartOf, type RoomAlias, type ServerName, userId, type UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import { type Account, isFirstUser } from '../account/index.ts';

/** Somebody who enters, makes or opens a room. */
export type RoomActor = Pick<Account, 'userId' | 'isGuest' | 'isAdmin'>;

/** What is done with rooms; the features of rooms know how. */
export interface AutoJoinRooms {
  exists(alias: RoomAlias): Promise<boolean>;
  /** Makes a room with an alias of this server. */
  create(
    by: RoomActor,
    room: {
      readonly aliasName: string;
      readonly preset: Config['autocreate_auto_join_room_preset'];
      readonly federated: boolean;
    },
  ): Promise<void>;
  join(by: RoomActor, alias: RoomAlias): Promise<void>;
  /** Whether nobody may join without an invite. */
  needsInvite(alias: RoomAlias): Promise<boolean>;
  invite(by: RoomActor, target: UserId, alias: RoomAlias): Promise<void>;
}

export interface AutoJoinNeeds {
  readonly config: Pick<
    Config,
    | 'auto_join_rooms'
    | 'autocreate_auto_join_rooms'
    | 'autocreate_auto_join_rooms_federated'
    | 'autocreate_auto_join_room_preset'
    | 'auto_join_mxid_localpart'
    | 'auto_join_rooms_for_guests'
  >;
  readonly database: Database;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly rooms: AutoJoinRooms;
}

/**
 * Takes each new user into the rooms of `auto_join_rooms`, and makes those rooms when the first user comes. To be put into
 * `RegistrationHooks.onRegistered`. A room that cannot be had is logged and left out.
 */
export function autoJoin(needs: AutoJoinNeeds): (account: Account) => Promise<void> {
  const { config, database, logger, serverName, rooms } = needs;
  const aliases: readonly RoomAlias[] = config.auto_join_rooms;
  const inviterName = config.auto_join_mxid_localpart;
  const inviter: RoomActor | undefined =
    inviterName === null ? undefined : { userId: userId(inviterName, serverName), isGuest: false, isAdmin: false };
  let mayBeFirst = config.autocreate_auto_join_rooms && aliases.length > 0;
  let creating = Promise.resolve();

  const attempt = async (alias: RoomAlias, what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      logger.warn({ err: error, alias }, `a room that new users join could not be ${what}`);
    }
  };
  const createRooms = async (first: Account): Promise<void> => {
    for (const alias of aliases) {
      if (domainOf(alias) !== serverName) continue;
      await attempt(alias, 'created', async () => {
        if (await rooms.exists(alias)) return;
        await rooms.create(inviter ?? first, {
          aliasName: localpartOf(alias),
          preset: config.autocreate_auto_join_room_preset,
          federated: config.autocreate_auto_join_rooms_federated,
        });
      });
    }
  };
  const enter = (account: Account, alias: RoomAlias): Promise<void> =>
    attempt(alias, 'joined', async () => {
      if (inviter && inviter.userId !== account.userId && (await rooms.needsInvite(alias))) {
        await rooms.invite(inviter, account.userId, alias);
      }
      await rooms.join(account, alias);
    });

  return async (account) => {
    if (account.isGuest && !config.auto_join_rooms_for_guests) return;
    if (mayBeFirst && !account.isGuest) {
      mayBeFirst = false;
      creating = isFirstUser(database, account).then((isFirst) => (isFirst ? createRooms(account) : undefined));
    }
    // Who comes second finds the rooms that the first is just making.
    await creating;
    for (const alias of aliases) await enter(account, alias);
  };
}
