import type { JsonObject } from '@myelin/protocol/events';
import type { UserId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

export type PresetName = 'private_chat' | 'public_chat' | 'trusted_private_chat';

interface Preset {
  readonly joinRule: 'invite' | 'public';
  readonly guestsMayJoin: boolean;
  /** The invited have the creator's power. */
  readonly inviteesAreEquals: boolean;
  readonly powerLevels: JsonObject;
}

/** https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom */
export const presets: Readonly<Record<PresetName, Preset>> = {
  // As Synapse has it, everybody may invite where joining takes an invite.
  private_chat: { joinRule: 'invite', guestsMayJoin: true, inviteesAreEquals: false, powerLevels: { invite: 0 } },
  trusted_private_chat: { joinRule: 'invite', guestsMayJoin: true, inviteesAreEquals: true, powerLevels: { invite: 0 } },
  public_chat: { joinRule: 'public', guestsMayJoin: false, inviteesAreEquals: false, powerLevels: {} },
};

/**
 * The levels of a new room before anybody overrides them. Creators stand above all levels from room version 12 on and are not listed;
 * closing a room for another then takes more than the levels that members can be given by habit.
 */
export function defaultPowerLevels(
  rules: RoomVersionRules,
  preset: Preset,
  people: { readonly creator: UserId; readonly invitees: readonly UserId[] },
): JsonObject {
  const users: JsonObject = {};
  if (!rules.privilegedCreators) {
    users[people.creator] = 100;
    if (preset.inviteesAreEquals) for (const invitee of people.invitees) users[invitee] = 100;
  }
  return {
    users,
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.canonical_alias': 50,
      'm.room.avatar': 50,
      'm.room.tombstone': rules.privilegedCreators ? 150 : 100,
      'm.room.server_acl': 100,
      'm.room.encryption': 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: 50,
    historical: 100,
    ...preset.powerLevels,
  };
}
