import type { ResponseOf } from '@myelin/protocol/api';
import type { getCapabilities, getWellknown } from '@myelin/protocol/api/client';
import type { JsonObject } from '@myelin/protocol/events';
import { knownRoomVersions } from '@myelin/protocol/room-versions';

import type { Config } from '../../config/index.ts';

/**
 * Versions of the specification that clients may rely on, oldest first.
 * https://spec.matrix.org/v1.19/#specification-versions
 */
export const specVersions: readonly string[] = [
  'r0.0.1',
  'r0.1.0',
  'r0.2.0',
  'r0.3.0',
  'r0.4.0',
  'r0.5.0',
  'r0.6.0',
  'r0.6.1',
].concat(Array.from({ length: 19 }, (_, index) => `v1.${index + 1}`));

const unstableFeatures: Readonly<Record<string, boolean>> = {
  'org.matrix.label_based_filtering': false,
  'org.matrix.e2e_cross_signing': false,
  'org.matrix.msc2285.stable': true,
  'org.matrix.msc3391': true,
  'org.matrix.msc3440.stable': true,
  'org.matrix.msc3827.stable': true,
  'org.matrix.msc3771': true,
  'org.matrix.msc3773': true,
  'org.matrix.msc3981': true,
  'org.matrix.msc4222': true,
  'com.beeper.msc4446': true,
  'uk.tcpip.msc4133': true,
  'uk.tcpip.msc4133.stable': true,
};

/** Features that clients look for by names from before they are in the specification. */
export function unstableFeaturesOf({
  experimental_features: { msc3814_enabled },
}: Pick<Config, 'experimental_features'>): Record<string, boolean> {
  return { ...unstableFeatures, 'org.matrix.msc3814': msc3814_enabled };
}

type CapabilityOptions = Pick<
  Config,
  | 'password_config'
  | 'default_room_version'
  | 'enable_set_displayname'
  | 'enable_set_avatar_url'
  | 'forget_rooms_on_leave'
  | 'login_via_existing_session'
>;

/** What this server lets an account do; https://spec.matrix.org/v1.19/client-server-api/#capabilities-negotiation */
export function capabilitiesOf(config: CapabilityOptions): ResponseOf<typeof getCapabilities>['capabilities'] {
  const { enable_set_displayname, enable_set_avatar_url } = config;
  const disallowed = [...(enable_set_displayname ? [] : ['displayname']), ...(enable_set_avatar_url ? [] : ['avatar_url'])];
  return {
    'm.change_password': { enabled: config.password_config.enabled === true && config.password_config.localdb_enabled },
    'm.room_versions': {
      default: config.default_room_version,
      available: Object.fromEntries(knownRoomVersions().map(({ id, stability }) => [id, stability])),
    },
    'm.set_displayname': { enabled: enable_set_displayname },
    'm.set_avatar_url': { enabled: enable_set_avatar_url },
    // Nothing here can verify an email address or a phone number.
    'm.3pid_changes': { enabled: false },
    'm.get_login_token': { enabled: config.login_via_existing_session.enabled },
    'm.profile_fields': { enabled: true, ...(disallowed.length > 0 && { disallowed }) },
    'm.forget_forced_upon_leave': { enabled: config.forget_rooms_on_leave },
  };
}

/** `/.well-known/matrix/client`; undefined where the configuration does not say how clients reach this server. */
export function clientWellKnown(
  config: Pick<
    Config,
    'serve_client_wellknown' | 'public_baseurl' | 'default_identity_server' | 'extra_well_known_client_content'
  >,
): ResponseOf<typeof getWellknown> | undefined {
  if (!config.serve_client_wellknown) return undefined;
  const identityServer = config.default_identity_server;
  return {
    ...(config.extra_well_known_client_content as JsonObject),
    'm.homeserver': { base_url: config.public_baseurl },
    ...(identityServer !== null && { 'm.identity_server': { base_url: identityServer } }),
  };
}
