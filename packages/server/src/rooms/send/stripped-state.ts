import type { StoredEvent } from '../events/stored-event.ts';
import type { StateName } from '../state/index.ts';

/**
 * What a person may see of a room before joining, and the create event with it, for its version and type say what the room is.
 * https://spec.matrix.org/v1.19/client-server-api/#stripped-state
 */
const shown: readonly StateName[] = [
  ['m.room.create', ''],
  ['m.room.name', ''],
  ['m.room.avatar', ''],
  ['m.room.topic', ''],
  ['m.room.join_rules', ''],
  ['m.room.canonical_alias', ''],
  ['m.room.encryption', ''],
];

/** The places of the state that somebody may see of a room whom `membership` invites, or who knocks with it: who invites is shown as well. */
export function shownState(membership: {
  readonly sender: string;
  readonly stateKey?: string | undefined;
}): readonly StateName[] {
  return membership.sender === membership.stateKey ? shown : [...shown, ['m.room.member', membership.sender]];
}

/** The stripped state for somebody whom `membership` invites, or who knocks with it, as a JSON array. The event itself is part of it. */
export async function strippedStateFor(
  stateAt: (type: string, stateKey: string) => Promise<StoredEvent | undefined>,
  membership: StoredEvent,
): Promise<string> {
  const names = shownState(membership);
  const events = await Promise.all(names.map(([type, stateKey]) => stateAt(type, stateKey)));
  return `[${[...events.filter((event) => event !== undefined), membership].map(strippedJson).join(',')}]`;
}

/** A state event with no more than content, sender, state key and type. */
export function strippedJson(event: StoredEvent): string {
  const { type, sender, stateKey } = event;
  const rest = JSON.stringify({ sender, state_key: stateKey ?? '', type });
  return `{"content":${event.contentJson},${rest.slice(1)}`;
}
