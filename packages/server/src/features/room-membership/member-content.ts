import { badJson, forbidden, invalidParam } from '@myelin/protocol/errors';
import { textField, type JsonObject } from '@myelin/protocol/events';
import { domainOf, type UserId } from '@myelin/protocol/identifiers';

import type { Actor, MembershipTools } from './membership-tools.ts';
import { membershipAfter, type MembershipAction } from './transitions.ts';

const longestDisplayName = 256;
const longestAvatarUrl = 1000;

/**
 * The content of an `m.room.member`: what the client asks for, and the name and avatar of the member where the client gave none.
 * Throws M_BAD_JSON or M_INVALID_PARAM for names that are none, M_FORBIDDEN for an avatar that the settings do not allow.
 * https://spec.matrix.org/v1.19/client-server-api/#mroommember
 */
export async function memberContent(
  tools: Pick<MembershipTools, 'config' | 'profiles' | 'serverName'>,
  step: { readonly action: MembershipAction; readonly by: Actor; readonly target: UserId; readonly wanted: JsonObject },
): Promise<JsonObject> {
  const { action, by, target, wanted } = step;
  const content: JsonObject = { ...wanted, membership: membershipAfter(action) };
  // Whoever lets the user in is found by the server, never named by the user.
  delete content['join_authorised_via_users_server'];
  if (action !== 'join' && action !== 'knock' && action !== 'invite') return content;
  if (!tools.config.allow_per_room_profiles) {
    delete content['displayname'];
    delete content['avatar_url'];
  }
  await checkOwnProfile(tools, content);
  if (action === 'join' && by.isGuest) content['kind'] = 'guest';
  const isLocal = domainOf(target) === tools.serverName;
  if (!isLocal || (action === 'invite' && !tools.config.include_profile_data_on_invite)) return content;
  const profile = await tools.profiles.profileOf(target);
  if (!('displayname' in content) && profile.displayname !== undefined) content['displayname'] = profile.displayname;
  if (!('avatar_url' in content) && profile.avatar_url !== undefined) content['avatar_url'] = profile.avatar_url;
  return content;
}

async function checkOwnProfile(tools: Pick<MembershipTools, 'profiles'>, content: JsonObject): Promise<void> {
  for (const [name, longest] of [
    ['displayname', longestDisplayName],
    ['avatar_url', longestAvatarUrl],
  ] as const) {
    const value = content[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string') throw badJson(`${name} must be a string`);
    if (value.length > longest) throw invalidParam(`${name} may have ${longest} characters at most`);
  }
  const avatar = textField(content, 'avatar_url');
  if (avatar && !(await tools.profiles.isAvatarAllowed(avatar))) throw forbidden('This avatar is not allowed');
}
