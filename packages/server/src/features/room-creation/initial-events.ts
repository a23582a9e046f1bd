import { badAlias, badJson } from '@myelin/protocol/errors';
import { readCanonicalAlias, type JsonObject } from '@myelin/protocol/events';
import { isUserId, type RoomAlias, type UserId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { Config } from '../../config/index.ts';
import type { EventDraft } from '../../rooms/index.ts';
import { defaultPowerLevels, presets, type PresetName } from './presets.ts';

const defaultAlgorithm = 'm.megolm.v1.aes-sha2';

/** A state event that a client wants in a new room. */
export interface InitialState {
  readonly type: string;
  readonly state_key?: string;
  readonly content: JsonObject;
}

/** What a client says about the room that it wants. */
export interface WantedRoom {
  readonly rules: RoomVersionRules;
  readonly preset: PresetName;
  readonly creator: UserId;
  readonly creationContent: JsonObject;
  readonly initialState: readonly InitialState[];
  readonly invitees: readonly UserId[];
  readonly alias?: RoomAlias;
  readonly name?: string;
  readonly topic?: string;
  readonly powerLevelOverride?: JsonObject;
}

/**
 * The content of `m.room.create`. Throws M_BAD_JSON where `additional_creators` are no users.
 * https://spec.matrix.org/v1.19/client-server-api/#mroomcreate
 */
export function createContent(wanted: WantedRoom): JsonObject {
  const { rules, creator, creationContent } = wanted;
  const content: JsonObject = { ...creationContent, room_version: rules.id };
  delete content['creator'];
  if (!rules.creatorIsCreateSender) content['creator'] = creator;
  if (rules.privilegedCreators) {
    const named = additionalCreators(creationContent['additional_creators']);
    const invited = presets[wanted.preset].inviteesAreEquals ? wanted.invitees : [];
    const all = [...new Set([...named, ...invited])];
    if (all.length > 0) content['additional_creators'] = all;
  }
  return content;
}

function additionalCreators(value: unknown): UserId[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw badJson('creation_content.additional_creators must be a list of user IDs');
  const stranger: unknown = value.find((userId) => typeof userId !== 'string' || !isUserId(userId));
  if (stranger !== undefined) throw badJson(`creation_content.additional_creators: ${JSON.stringify(stranger)} is not a user ID`);
  return value as UserId[];
}

/**
 * The state events between the creator's joining and the invites, in the specification's order. Throws M_BAD_ALIAS for a canonical
 * alias that cannot be the new room's.
 */
export function initialEvents(
  config: Pick<Config, 'default_power_level_content_override' | 'encryption_enabled_by_default_for_room_type'>,
  wanted: WantedRoom,
): EventDraft[] {
  const { creator, initialState, name, topic, alias } = wanted;
  const preset = presets[wanted.preset];
  const has = (type: string): boolean => initialState.some((event) => event.type === type && !event.state_key);
  const drafts: EventDraft[] = [];
  const add = (type: string, content: JsonObject, stateKey = ''): void => {
    drafts.push({ type, sender: creator, stateKey, content });
  };
  const givenLevels = initialState.find((event) => event.type === 'm.room.power_levels' && !event.state_key);
  add('m.room.power_levels', givenLevels?.content ?? powerLevels(config, wanted));
  if (alias !== undefined) add('m.room.canonical_alias', { alias });
  if (!has('m.room.join_rules')) add('m.room.join_rules', { join_rule: preset.joinRule });
  if (!has('m.room.history_visibility')) add('m.room.history_visibility', { history_visibility: 'shared' });
  if (preset.guestsMayJoin && !has('m.room.guest_access')) add('m.room.guest_access', { guest_access: 'can_join' });
  for (const event of initialState) {
    if (event === givenLevels) continue;
    if (event.type === 'm.room.canonical_alias') checkAlias(event.content, alias);
    add(event.type, event.content, event.state_key);
  }
  const encrypted = config.encryption_enabled_by_default_for_room_type;
  const isEncrypted = encrypted === 'all' || (encrypted === 'invite' && preset.joinRule === 'invite');
  if (isEncrypted && !has('m.room.encryption')) add('m.room.encryption', { algorithm: defaultAlgorithm });
  if (name !== undefined && name !== '') add('m.room.name', { name });
  if (topic !== undefined && topic !== '') add('m.room.topic', { topic, 'm.topic': { 'm.text': [{ body: topic }] } });
  return drafts;
}

/** Whole members are overridden, not merged: by the preset, then by the server's settings, then by the client. */
function powerLevels(config: Pick<Config, 'default_power_level_content_override'>, wanted: WantedRoom): JsonObject {
  const { rules, creator, invitees } = wanted;
  const levels = defaultPowerLevels(rules, presets[wanted.preset], { creator, invitees });
  const configured = config.default_power_level_content_override[wanted.preset] as JsonObject | null | undefined;
  return { ...levels, ...configured, ...wanted.powerLevelOverride };
}

function checkAlias(content: JsonObject, own: RoomAlias | undefined): void {
  const { alias, altAliases } = readCanonicalAlias(content);
  const other = [alias, ...altAliases].find((one) => one !== undefined && one !== own);
  if (other !== undefined) throw badAlias(`${other} does not point to the new room`);
}
