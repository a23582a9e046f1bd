import type { ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Interner } from '../../platform/database/index.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import type { RoomMembership } from '../room-membership/index.ts';
import type { NewRoomDirectory } from './neighbours.ts';

/** What making and replacing rooms works with. */
export interface CreationTools {
  readonly config: Pick<
    Config,
    'default_room_version' | 'default_power_level_content_override' | 'encryption_enabled_by_default_for_room_type'
  >;
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: Rooms;
  readonly logger: Logger;
  readonly serverName: ServerName;
  readonly membership: RoomMembership;
  readonly directory: NewRoomDirectory;
}
