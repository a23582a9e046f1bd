import type { WrittenConfig } from './config.ts';
import type { Reading } from './schema/index.ts';

type Checked = Pick<
  WrittenConfig,
  'enable_registration' | 'refreshable_access_token_lifetime' | 'refresh_token_lifetime' | 'nonrefreshable_access_token_lifetime'
>;

/** Checks options that depend on each other, and gives those that come out other than written. */
export function checkTogether(
  written: WrittenConfig,
  isSet: (name: string) => boolean,
  reading: Reading,
): { values: Checked; warnings: string[] } {
  const warnings: string[] = [];
  const values = {
    ...checkLifetimes(written, isSet, reading),
    enable_registration: checkRegistration(written, reading, warnings),
  };
  checkAutoJoin(written, reading);
  checkKeyServers(written, reading);
  if (written.user_consent?.require_at_registration && written.user_consent.version === null) {
    reading.problem(['user_consent', 'version'], 'is missing: who accepts terms accepts a version of them');
  }
  if (!written.password_config.localdb_enabled && isSet('password_config')) {
    warnings.push(
      'password_config.localdb_enabled is false and no other way to check passwords is supported yet: nobody can log in with a password.',
    );
  }
  return { values, warnings };
}

/** No token outlasts its session: a lifetime that says so is a mistake, a default that would is cut. */
function checkLifetimes(written: WrittenConfig, isSet: (name: string) => boolean, reading: Reading) {
  const session = written.session_lifetime;
  function within(
    name: 'refreshable_access_token_lifetime' | 'refresh_token_lifetime' | 'nonrefreshable_access_token_lifetime',
  ): number | null {
    const lifetime = written[name];
    if (session === null || (lifetime !== null && lifetime <= session)) return lifetime;
    if (isSet(name) && lifetime !== null)
      reading.problem([name], `must not be longer than session_lifetime (${session} ms), but is ${lifetime} ms`);
    return session;
  }
  return {
    refreshable_access_token_lifetime: within('refreshable_access_token_lifetime'),
    refresh_token_lifetime: within('refresh_token_lifetime'),
    nonrefreshable_access_token_lifetime: within('nonrefreshable_access_token_lifetime'),
  };
}

/** Whether registration is open. It never is by accident: without a check of who comes, the operator must have said so. */
function checkRegistration(written: WrittenConfig, reading: Reading, warnings: string[]): boolean {
  const { enable_registration, registration_requires_token, enable_registration_without_verification } = written;
  if (!enable_registration || registration_requires_token || enable_registration_without_verification) return enable_registration;
  if (written.enable_registration_captcha || written.registrations_require_3pid.length > 0) {
    warnings.push(
      'Registration stays closed: captcha and email are not supported yet, and without them it would be open to anybody. Use registration_requires_token.',
    );
    return false;
  }
  reading.problem(
    ['enable_registration'],
    'would let anybody in, spammers first: set registration_requires_token, or enable_registration_without_verification if that is what you want',
  );
  return false;
}

/** Without a certificate and without its keys, anybody could pretend to be the key server, and then to be any server. */
function checkKeyServers({ trusted_key_servers, federation_verify_certificates }: WrittenConfig, reading: Reading): void {
  if (federation_verify_certificates) return;
  for (const [index, { server_name, verify_keys, accept_keys_insecurely }] of trusted_key_servers.entries()) {
    if (verify_keys !== null || accept_keys_insecurely) continue;
    reading.problem(
      ['trusted_key_servers', index],
      `needs verify_keys: with federation_verify_certificates off, anybody could pretend to be ${server_name}`,
    );
  }
}

function checkAutoJoin(written: WrittenConfig, reading: Reading): void {
  const { auto_join_rooms, autocreate_auto_join_rooms, autocreate_auto_join_room_preset, auto_join_mxid_localpart } = written;
  const needsInviter = autocreate_auto_join_rooms && autocreate_auto_join_room_preset !== 'public_chat';
  if (auto_join_rooms.length > 0 && needsInviter && auto_join_mxid_localpart === null) {
    reading.problem(
      ['auto_join_mxid_localpart'],
      `is missing: rooms with the preset ${autocreate_auto_join_room_preset} need somebody who invites`,
    );
  }
}
