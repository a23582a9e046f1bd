import { effectivePowerLevels } from '@myelin/protocol/auth-rules';
import { forbidden, invalidParam, notFound, userSuspended } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';

import type { UserRequester } from '../../platform/http/index.ts';
import type { Alongside, RoomIdentity, StoredEvent } from '../../rooms/index.ts';
import type { MessageTools } from './message-tools.ts';

/** A redaction that is to be sent. */
export interface Redaction {
  readonly by: UserRequester;
  readonly room: RoomIdentity;
  readonly redacts: EventId;
  readonly content: JsonObject;
  readonly originServerTs?: number;
  readonly alongside?: Alongside;
}

/** What no redaction may take away: a room without them is broken. */
const untouchable: ReadonlySet<string> = new Set(['m.room.create', 'm.room.server_acl']);

/**
 * Redacts an event: one's own, or any with the power to do so. The rules of a room leave redactions by users of the same server to
 * that server, so the difference is made here. Throws M_FORBIDDEN, M_NOT_FOUND, M_INVALID_PARAM, M_USER_SUSPENDED.
 * https://spec.matrix.org/v1.19/client-server-api/#redactions
 */
export async function redact(tools: MessageTools, redaction: Redaction): Promise<EventId> {
  const { by, room, redacts, content } = redaction;
  const target = await tools.rooms.events.byId(redacts);
  if (target && target.roomNid !== room.nid) throw invalidParam(`${redacts} is an event of another room`);
  if (target && untouchable.has(target.type)) throw forbidden(`${target.type} cannot be redacted`);
  const isOwn = target?.sender === by.userId;
  // https://spec.matrix.org/v1.19/client-server-api/#account-suspension
  if (!isOwn && by.suspended) throw userSuspended();
  if (!isOwn) await checkPower(tools, by, room, target);
  const draft = { type: 'm.room.redaction', sender: by.userId, content, redacts };
  const { originServerTs, alongside } = redaction;
  const [sent] = await tools.rooms.send(
    room,
    [{ ...draft, ...(originServerTs !== undefined && { originServerTs }) }],
    alongside ? { alongside } : {},
  );
  if (!sent) throw new Error('the room has sent nothing');
  return sent.eventId;
}

async function checkPower(
  { rooms }: MessageTools,
  by: UserRequester,
  room: RoomIdentity,
  target: StoredEvent | undefined,
): Promise<void> {
  const root = await rooms.states.currentRoot(room.nid);
  const [create, levels] = await rooms.states.events(room.nid, root, [
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ]);
  const power = effectivePowerLevels(create, levels, room.rules);
  // With that power an event may be redacted that has not come yet.
  if (power.of(by.userId) >= power.redact) return;
  if (!target) throw notFound('The event to redact was not found');
  throw forbidden(`Redacting events of others needs power level ${power.redact}, ${by.userId} has ${power.of(by.userId)}`);
}
