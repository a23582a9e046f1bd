import type { Config } from '../config/index.ts';
import type { Clock } from '../platform/clock.ts';
import { createLimiters, type Limiter, type Rate } from '../platform/rate-limits/index.ts';

/** The limiters that features and contracts know, by the names of their options; nested ones with a dot: `rc_login.address`. */
export function limitersOf(config: Config, clock: Clock): Readonly<Record<string, Limiter>> {
  const rates: Record<string, Rate> = {
    rc_message: config.rc_message,
    rc_registration: config.rc_registration,
    rc_registration_token_validity: config.rc_registration_token_validity,
    'rc_login.address': config.rc_login.address,
    'rc_login.account': config.rc_login.account,
    'rc_login.failed_attempts': config.rc_login.failed_attempts,
    rc_admin_redaction: config.rc_admin_redaction ?? config.rc_message,
    'rc_joins.local': config.rc_joins.local,
    'rc_joins.remote': config.rc_joins.remote,
    rc_joins_per_room: config.rc_joins_per_room,
    'rc_invites.per_room': config.rc_invites.per_room,
    'rc_invites.per_user': config.rc_invites.per_user,
    'rc_invites.per_issuer': config.rc_invites.per_issuer,
    'rc_presence.per_user': config.rc_presence.per_user,
    rc_key_requests: config.rc_key_requests,
    rc_unknown_servers: config.rc_unknown_servers,
    rc_reports: config.rc_reports,
    rc_room_creation: config.rc_room_creation,
  };
  return createLimiters(rates, { clock });
}
