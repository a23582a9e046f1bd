import type { RoomEvent } from '../events/pdu.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import type { PowerLevels } from './levels/effective-power-levels.ts';
import type { AuthFacts, StateEvent, StateLookup } from './state-lookup.ts';

/** An event before the rules, with what they ask for. */
export interface AuthCase {
  readonly event: RoomEvent;
  readonly rules: RoomVersionRules;
  readonly state: StateLookup;
  readonly create: StateEvent;
  readonly levels: PowerLevels;
  readonly facts: AuthFacts;
}

/** A membership event before the rules: the state key names the user whom it concerns. */
export interface MemberCase extends AuthCase {
  readonly target: string;
}
