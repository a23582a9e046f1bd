import { group, integer, maybe, number, option, section } from '../schema/index.ts';
import type { Kind } from '../schema/index.ts';

/** How often something may happen: `burstCount` times at once, then `perSecond` times a second. */
export interface Rate {
  readonly perSecond: number;
  readonly burstCount: number;
}

function rate(perSecond: number, burst: number): Kind<Rate> {
  const written = group({
    per_second: option(number({ min: 0 }), 'How many a second in the long run.', { default: perSecond }),
    burst_count: option(number({ min: 0 }), 'How many at once.', { default: burst }),
  });
  return {
    ...written,
    read(found, at, reading) {
      const value = written.read(found, at, reading);
      return value && { perSecond: value.per_second, burstCount: value.burst_count };
    },
  };
}

function limit(perSecond: number, burst: number, help: string, support?: 'later') {
  return option(rate(perSecond, burst), help, { default: {}, ...(support && { support }) });
}

export const ratelimiting = section('Rate limits', {
  rc_message: limit(0.2, 10, 'Events that a user sends.'),
  rc_registration: limit(0.17, 3, 'Registrations from one address.'),
  rc_registration_token_validity: limit(0.1, 5, 'Questions from one address whether a registration token is valid.'),
  rc_login: option(
    group({
      address: limit(0.003, 5, 'Logins from one address.'),
      account: limit(0.003, 5, 'Logins into one account.'),
      failed_attempts: limit(0.17, 3, 'Failed logins into one account.'),
    }),
    'Logins.',
    { default: {} },
  ),
  rc_admin_redaction: option(maybe(rate(0.2, 10)), "Redactions by a room's admins. Default: they count as messages.", {
    default: null,
  }),
  rc_joins: option(
    group({
      local: limit(0.1, 10, 'Joins of a user to rooms in which this server already is.'),
      remote: limit(0.01, 10, 'Joins of a user to rooms in which it is not.'),
    }),
    'Joins by user.',
    { default: {} },
  ),
  rc_joins_per_room: limit(1, 10, 'Joins to one room, by whomever.'),
  rc_3pid_validation: limit(0.003, 5, 'Verification mails to one address.', 'later'),
  rc_invites: option(
    group({
      per_room: limit(0.3, 10, 'Invites into one room.'),
      per_user: limit(0.003, 5, 'Invites that one user gets.'),
      per_issuer: limit(0.3, 10, 'Invites that one user makes.'),
    }),
    'Invites.',
    { default: {} },
  ),
  rc_third_party_invite: limit(0.2, 10, 'Invites by email.', 'later'),
  rc_media_create: limit(10, 50, 'Media ids that a user reserves.', 'later'),
  rc_federation: option(
    group({
      window_size: option(integer({ min: 1 }), 'The period in which requests are counted, in milliseconds.', { default: 1000 }),
      sleep_limit: option(integer({ min: 0 }), 'From how many requests in the period on they are delayed.', { default: 10 }),
      sleep_delay: option(integer({ min: 0 }), 'The delay, in milliseconds.', { default: 500 }),
      reject_limit: option(integer({ min: 0 }), 'From how many waiting requests on they are refused.', { default: 50 }),
      concurrent: option(integer({ min: 1 }), 'Requests of one server that are worked on at once.', { default: 3 }),
    }),
    'Requests of another server.',
    { default: {} },
  ),
  rc_presence: option(group({ per_user: limit(0.1, 1, 'Changes of presence by one user.') }), 'Presence.', { default: {} }),
  rc_key_requests: limit(20, 100, 'Requests for the keys of messages that one device sends to other users.'),
  rc_key_queries: option(
    rate(10, 250),
    'Servers that are asked for their keys because somebody at one address wants to know them from this one.',
    { default: {}, own: true },
  ),
  rc_unknown_servers: option(
    rate(0.1, 50),
    'Servers that nobody here has heard of, and that one user has this server ask for keys or bring messages for devices.',
    { default: {}, own: true },
  ),
  rc_delayed_event_mgmt: limit(1, 5, 'Changes to delayed events by one user.', 'later'),
  rc_reports: limit(1, 5, 'Reports by one user.'),
  rc_room_creation: limit(0.016, 10, 'Rooms that a user creates.'),
  rc_user_directory: limit(0.016, 200, 'Searches for users by one user.', 'later'),
  federation_rr_transactions_per_room_per_second: option(
    integer({ min: 1 }),
    'Transactions a second that carry the receipts of one room to other servers.',
    { default: 50 },
  ),
});
