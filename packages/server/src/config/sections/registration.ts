import { isRoomAlias } from '@myelin/protocol/identifiers';

import {
  anything,
  bool,
  choice,
  endlessDuration,
  group,
  integer,
  list,
  mapOf,
  maybe,
  option,
  section,
  text,
  textKind,
} from '../schema/index.ts';
import { webUrl } from './server.ts';

export const registration = section('Registration', {
  enable_registration: option(bool, 'Anybody may register.', { default: false }),
  enable_registration_without_verification: option(
    bool,
    'Open registration without captcha, email or token; spammers will come.',
    { default: false },
  ),
  registration_requires_token: option(bool, 'Who registers needs a token that an admin has made.', { default: false }),
  registration_shared_secret: option(
    maybe(text),
    'Who knows it may register users, admins too, even when registration is closed.',
    { default: null },
  ),
  registration_shared_secret_path: option(
    maybe(text),
    'A file with registration_shared_secret; it is made when it is not there.',
    { default: null },
  ),
  registrations_require_3pid: option(list(choice('email', 'msisdn')), 'What new users must confirm.', {
    default: [],
    support: 'later',
  }),
  enable_registration_captcha: option(bool, 'New users solve a captcha.', { default: false, support: 'later' }),
  disable_msisdn_registration: option(bool, 'Never ask for a phone number.', { default: false, support: 'later' }),
  allowed_local_3pids: option(maybe(list(mapOf(text))), 'Patterns of the addresses with which one may register.', {
    default: null,
    support: 'later',
  }),
  bcrypt_rounds: option(integer({ min: 4, max: 31 }), 'The cost of a password hash: each step doubles it.', { default: 12 }),
  allow_guest_access: option(bool, 'Guests may look into rooms that allow it, without an account.', { default: false }),
  default_identity_server: option(maybe(webUrl), 'The identity server that is suggested to clients.', { default: null }),
  enable_3pid_lookup: option(bool, 'Look addresses up at identity servers.', { default: true, support: 'later' }),
  account_threepid_delegates: option(mapOf(anything), 'Servers that send text messages.', { default: {}, support: 'later' }),
  enable_set_displayname: option(bool, 'Users may change their display name; the first one is always allowed.', {
    default: true,
  }),
  enable_set_avatar_url: option(bool, 'Users may change their avatar; the first one is always allowed.', { default: true }),
  enable_3pid_changes: option(bool, 'Users may change the addresses of their account.', { default: true, support: 'later' }),
  auto_join_rooms: option(
    list(textKind('a room alias such as "#lobby:example.com"', isRoomAlias)),
    'Rooms that every new user joins.',
    { default: [] },
  ),
  autocreate_auto_join_rooms: option(bool, 'Create those rooms when the first user registers.', { default: true }),
  autocreate_auto_join_rooms_federated: option(bool, 'Users of other servers may join the rooms so created.', { default: true }),
  autocreate_auto_join_room_preset: option(
    choice('public_chat', 'private_chat', 'trusted_private_chat'),
    'The preset of the rooms so created.',
    { default: 'public_chat' },
  ),
  auto_join_mxid_localpart: option(
    maybe(text),
    'The local user who creates those rooms and invites into them; needed when they are not public.',
    { default: null },
  ),
  auto_join_rooms_for_guests: option(bool, 'Guests join them as well.', { default: true }),
  inhibit_user_in_use_error: option(bool, 'Do not tell whether a user name is taken until registration is complete.', {
    default: false,
  }),
  allow_underscore_prefixed_registration: option(bool, 'User names may begin with an underscore.', { default: false }),
  user_types: option(
    group({
      default_user_type: option(maybe(text), 'The type of users who register.', { default: null }),
      extra_user_types: option(list(text), 'Types beyond "support" and "bot".', { default: [] }),
    }),
    'Types of users.',
    { default: {} },
  ),
});

export const sessions = section('Sessions', {
  session_lifetime: option(endlessDuration, 'How long a login lasts at most.', { default: 'infinity' }),
  refreshable_access_token_lifetime: option(endlessDuration, 'How long an access token lasts when the client can refresh it.', {
    default: '5m',
  }),
  refresh_token_lifetime: option(
    endlessDuration,
    'How long a refresh token lasts: a device that is away for longer is logged out.',
    { default: 'infinity' },
  ),
  nonrefreshable_access_token_lifetime: option(
    endlessDuration,
    'How long an access token lasts when the client cannot refresh it.',
    { default: 'infinity' },
  ),
  ui_auth: option(
    maybe(
      group({
        session_timeout: option(endlessDuration, 'How long one confirmation serves for further actions; 0 asks each time.', {
          default: 0,
        }),
      }),
    ),
    'Confirmation of dangerous actions by password.',
    { default: null },
  ),
  login_via_existing_session: option(
    group({
      enabled: option(bool, 'A logged-in client may log another one in.', { default: false }),
      require_ui_auth: option(bool, 'Ask for the password first.', { default: true }),
      token_timeout: option(endlessDuration, 'How long the token for the other client lasts.', { default: '5m' }),
    }),
    'Logging another device in.',
    { default: {} },
  ),
  delete_stale_devices_after: option(endlessDuration, 'Log devices out that have not been seen for so long.', { default: null }),
  user_ips_max_age: option(endlessDuration, 'How long it is remembered from where a device was used.', { default: '28d' }),
  macaroon_secret_key: option(maybe(text), 'A secret from which tokens for links and guests are made.', { default: null }),
  macaroon_secret_key_path: option(maybe(text), 'A file with macaroon_secret_key.', { default: null }),
  form_secret: option(maybe(text), 'A secret that protects forms such as the one for terms of service.', { default: null }),
  form_secret_path: option(maybe(text), 'A file with form_secret.', { default: null }),
  track_puppeted_user_ips: option(bool, 'Note the addresses of admins who act as other users.', {
    default: false,
    support: 'later',
  }),
});

export const passwords = section('Passwords', {
  password_config: option(
    group({
      enabled: option(
        choice(true, false, 'only_for_reauth'),
        'Log in with a password; "only_for_reauth": only to confirm dangerous actions.',
        { default: true },
      ),
      localdb_enabled: option(bool, 'Check passwords against those that the server has stored.', { default: true }),
      pepper: option(
        maybe(text),
        'A secret that is mixed into each password. When it changes, no old password is right any more.',
        { default: null },
      ),
      policy: option(
        maybe(
          group({
            enabled: option(bool, 'Ask for strong passwords.', { default: false }),
            minimum_length: option(integer({ min: 0, max: 512 }), 'The fewest letters.', { default: 0 }),
            require_digit: option(bool, 'At least one digit.', { default: false }),
            require_symbol: option(bool, 'At least one character that is neither letter nor digit.', { default: false }),
            require_lowercase: option(bool, 'At least one lower-case letter.', { default: false }),
            require_uppercase: option(bool, 'At least one capital letter.', { default: false }),
          }),
        ),
        'What a new password must have.',
        { default: {} },
      ),
    }),
    'Passwords.',
    { default: {} },
  ),
});
