/**
 * What a room version decides, as named flags. Each row of the table in `room-versions.ts` is a copy of the row before it
 * with what changed, so the difference between two versions can be read off.
 *
 * Source: https://spec.matrix.org/v1.19/rooms/
 */
export interface RoomVersionRules {
  /** The identifier as it stands in `m.room.create`, such as `"12"`. */
  readonly id: string;
  /** `stable` versions are advertised as such in `m.room_versions`; https://spec.matrix.org/v1.19/client-server-api/#mroom_versions-capability */
  readonly stability: 'stable' | 'unstable';
  readonly stateResolution: 'v1' | 'v2' | 'v2.1';
  /** Who names an event: its server (v1, v2), or its reference hash in one of two base64 alphabets. */
  readonly eventIds: 'assigned' | 'base64' | 'urlsafe-base64';
  /** `auth_events` and `prev_events` are `[event id, {sha256}]` pairs instead of bare event ids (v1, v2). */
  readonly referencesCarryHashes: boolean;
  /** `m.room.redaction` is authorised by the auth rules (v1, v2) instead of when it is applied (v3+). */
  readonly redactionsAuthorisedByAuthRules: boolean;
  /** A signature counts only while its key was valid, `valid_until_ts` (v5+). */
  readonly enforceKeyValidity: boolean;
  /** Events must be canonical JSON: integers in ±(2^53 − 1) only (v6+). */
  readonly strictCanonicalJson: boolean;
  /** `m.room.aliases` has an auth rule of its own and keeps `aliases` when redacted (v1–v5). */
  readonly aliasesEventsAreSpecial: boolean;
  /** Changes to `notifications` in power levels are held against the sender's level (v6+). */
  readonly notificationLevelsAreGuarded: boolean;
  /** Join rule and membership `knock` (v7+). */
  readonly knocking: boolean;
  /** Join rule `restricted` (v8+). */
  readonly restrictedJoins: boolean;
  /** Redaction keeps `allow` of join rules (v8+). */
  readonly redactionKeepsAllow: boolean;
  /** Redaction keeps `join_authorised_via_users_server` of members (v9+). */
  readonly redactionKeepsJoinAuthorisedVia: boolean;
  /** Join rule `knock_restricted` (v10+). */
  readonly knockRestrictedJoins: boolean;
  /** Power levels must be integers, not strings that look like one (v10+). */
  readonly integerPowerLevels: boolean;
  /** The creator is the sender of `m.room.create`, `content.creator` is gone (v11+). */
  readonly creatorIsCreateSender: boolean;
  /** `redacts` stands in the content of `m.room.redaction` (v11+). */
  readonly redactsInContent: boolean;
  /**
   * The v11 redaction algorithm: all of the create event's content, `invite` of power levels, `redacts` of redactions and
   * `third_party_invite.signed` of members are kept; `origin`, `membership`, `prev_state` at the top level are not.
   */
  readonly updatedRedaction: boolean;
  /** The room id is the create event's reference hash without a domain; `m.room.create` has no `room_id` (v12+). */
  readonly roomIdIsCreateEventHash: boolean;
  /** Creators (`sender` and `additional_creators`) stand above all power levels and not in `users` (v12+). */
  readonly privilegedCreators: boolean;
}
