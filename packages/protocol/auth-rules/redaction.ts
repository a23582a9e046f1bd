import { domainOf } from '../identifiers/index.ts';
import type { AuthCase } from './auth-case.ts';
import { allow, reject } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/**
 * The rule for `m.room.redaction` in room versions 1 and 2; https://spec.matrix.org/v1.19/rooms/v1/#authorisation-rules.
 * Later versions let redactions into the room like any event, and decide when both events are there whether to apply them.
 */
export function authoriseRedaction({ event, levels }: AuthCase): Verdict {
  // If the sender's power level is greater than or equal to the redact level, allow.
  if (levels.of(event.sender) >= levels.redact) return allow;
  // If the domain of the event_id of the event being redacted is the same as the domain of the event_id of the
  // m.room.redaction, allow.
  const domain = domainOf(event.eventId);
  if (domain !== undefined && event.redacts !== undefined && domainOf(event.redacts) === domain) return allow;
  // Otherwise, reject.
  return reject(`redacting events of other servers needs power level ${levels.redact}`);
}
