import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import type { JsonObject, Pdu } from '@myelin/protocol/events';

import { shownState, type RoomIdentity, type Rooms } from '../../rooms/index.ts';
import type { NamedRoom } from './tools.ts';

/** Others show a room by a handful of events; what is beyond is left out. */
export const mostShown = 100;

/**
 * The state events by which a room is shown to somebody of another server whom `membership` invites, or who knocks with it: whole
 * events, the create event among them.
 * https://spec.matrix.org/v1.19/client-server-api/#stripped-state
 */
export async function shownPdus(
  rooms: Pick<Rooms, 'states' | 'pdus'>,
  room: RoomIdentity,
  membership: { readonly sender: string; readonly stateKey?: string | undefined },
): Promise<Pdu[]> {
  const root = await rooms.states.currentRoot(room.nid);
  const events = await rooms.states.events(room.nid, root, shownState(membership));
  return rooms.pdus.pdusOf(
    events.filter((event) => event !== undefined),
    room.rules,
  );
}

/**
 * What another server shows of a room, without what is not properly signed or not of that room. Stripped events, which have nothing to
 * check, pass in the room versions in which older servers send them.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_knockroomideventid
 */
export async function trustworthy(
  { receiving }: Pick<Rooms, 'receiving'>,
  room: NamedRoom,
  shown: readonly unknown[],
): Promise<unknown[]> {
  const few = shown.slice(0, mostShown);
  const isStripped = (event: unknown): boolean =>
    !room.rules.roomIdIsCreateEventHash && isJsonObject(event) && own(event, 'signatures') === undefined;
  const whole = few.filter((event) => !isStripped(event));
  const verdicts = await receiving.atTheDoor(room, whole);
  const passed = new Map(whole.map((event, index) => [event, verdicts[index]]));
  return few.flatMap((event) => {
    const verdict = passed.get(event);
    if (!verdict) return [event];
    // What was changed on the way is redacted there.
    return verdict.ok ? [verdict.pdu] : [];
  });
}

/**
 * What another server shows of a room, in the form in which clients get it. Older servers send stripped events, newer ones whole
 * ones: of both only content, sender, state key and type are kept, and what lacks one of them is left out.
 */
export function strippedEvents(shown: readonly unknown[]): JsonObject[] {
  return shown.slice(0, mostShown).flatMap((event) => {
    if (!isJsonObject(event)) return [];
    const [content, sender, stateKey, type] = ['content', 'sender', 'state_key', 'type'].map((key) => own(event, key));
    if (!isJsonObject(content) || typeof sender !== 'string' || typeof stateKey !== 'string' || typeof type !== 'string')
      return [];
    return [{ content, sender, state_key: stateKey, type }];
  });
}

/** The same as a JSON array, with the event that brought the user there at its end. */
export function strippedStateJson(shown: readonly unknown[], membership: Pdu): string {
  const others = strippedEvents(shown).filter(
    ({ type, state_key }) => type !== membership.type || state_key !== membership.state_key,
  );
  return JSON.stringify([...others, ...strippedEvents([membership])]);
}
