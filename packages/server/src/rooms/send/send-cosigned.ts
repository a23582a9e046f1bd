import { limitExceeded, tooLarge } from '@myelin/protocol/errors';
import { tooLarge as tooLargeReason, type Pdu } from '@myelin/protocol/events';

import { Places } from '../../platform/places.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { CosignHook, RoomHooks } from '../hooks.ts';
import { asCheckedEvent } from '../receive/door/at-the-door.ts';
import { internNames } from '../receive/outliers/stored-from-pdu.ts';
import type { ReceiveTools } from '../receive/receive-tools.ts';
import { placeEvent } from '../receive/turn/place-event.ts';
import type { RoomIdentity } from '../room-ids.ts';
import type { EventDraft } from './event-draft.ts';
import { insteadOfSending, type SendConditions } from './instead-of-sending.ts';
import { buildOnHead } from './prepare-event.ts';
import { allowedDraft, internDraft, type Alongside } from './send-events.ts';

/** So many events of one room wait for signatures at the same time: side by side they can all be followed by one event. */
const atOnce = 10;
/** Those who wait for their turn to be built. */
const mostWaiting = 100;
const pauseMs = 5_000;
/** How often an event is built anew because a write on which it rests has failed meanwhile. */
const attempts = 2;

/** Those who are to sign an event of this type and state key before the room has it: nobody, in nearly all rooms. */
export async function cosignersOf(
  hooks: RoomHooks,
  event: Pick<EventDraft, 'type' | 'stateKey'>,
  room: RoomIdentity,
): Promise<readonly CosignHook[]> {
  const needed: CosignHook[] = [];
  for (const hook of hooks.cosign) if (await hook.isNeeded(event, room)) needed.push(hook);
  return needed;
}

/** The event with all the signatures that it needs. Throws the MatrixError of who refuses, M_TOO_LARGE where they make it too large. */
export async function cosigned(cosigners: readonly CosignHook[], pdu: Pdu, room: RoomIdentity): Promise<Pdu> {
  let signed = pdu;
  for (const hook of cosigners) signed = await hook.cosign(signed, room);
  const excess = tooLargeReason(signed, room.rules);
  if (excess !== undefined) throw tooLarge(excess);
  return signed;
}

/** Sends events that others are to sign. */
export class Cosigning {
  readonly #tools: ReceiveTools;
  /** Rooms in which events wait for signatures. */
  readonly #rooms = new Map<number, { readonly places: Places; senders: number }>();

  constructor(tools: ReceiveTools) {
    this.#tools = tools;
  }

  /**
   * Sends one event that others are to sign. It is built in one turn of the room and placed in a later one, as an event of another server
   * would be: where the room went on meanwhile, it is a small fork. Throws what sending and signing throw; M_FORBIDDEN also where the
   * room does not allow the event any more, M_LIMIT_EXCEEDED where too many wait already.
   */
  async send(
    room: RoomIdentity,
    draft: EventDraft,
    cosigners: readonly CosignHook[],
    options: SendConditions & { readonly alongside?: Alongside },
  ): Promise<readonly StoredEvent[]> {
    const inRoom = this.#rooms.get(room.nid) ?? { places: new Places(atOnce), senders: 0 };
    if (inRoom.places.waiting >= mostWaiting) throw limitExceeded(pauseMs);
    this.#rooms.set(room.nid, inRoom);
    inRoom.senders += 1;
    try {
      return await inRoom.places.run(() => send(this.#tools, room, draft, cosigners, options));
    } finally {
      inRoom.senders -= 1;
      if (inRoom.senders === 0) this.#rooms.delete(room.nid);
    }
  }
}

async function send(
  tools: ReceiveTools,
  room: RoomIdentity,
  draft: EventDraft,
  cosigners: readonly CosignHook[],
  options: SendConditions & { readonly alongside?: Alongside },
): Promise<readonly StoredEvent[]> {
  const allowed = await allowedDraft(tools.hooks, draft, room);
  await internDraft(tools.names, allowed);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const built = await tools.registry.inTurn(room, async (inMemory) => {
      const instead = await insteadOfSending(tools, inMemory, allowed, options);
      return instead ? { instead } : { prepared: await buildOnHead(tools, inMemory, allowed) };
    });
    if (built.instead) return built.instead;
    const { pdu, eventId } = built.prepared;
    const checked = asCheckedEvent({ eventId, pdu: await cosigned(cosigners, pdu, room) }, room);
    const names = (await internNames(tools.names, [checked]))(checked);
    const sending = { alongside: options.alongside };
    const arrival = { names, claimed: new Map(), historicalPosition: undefined, sending };
    const placed = await tools.registry.inTurn(room, async (inMemory) => {
      const instead = await insteadOfSending(tools, inMemory, allowed, options);
      if (instead) return { sent: instead, durable: inMemory.lastWrite };
      const placement = await placeEvent(tools, room, inMemory, checked, arrival);
      const event = placement.done ? await tools.events.byId(eventId) : undefined;
      return placement.done && event ? { sent: [event], durable: placement.durable } : undefined;
    });
    if (!placed) continue;
    await placed.durable;
    return placed.sent;
  }
  throw new Error(`an event of ${room.roomId} rests on writes that keep failing`);
}
