import { persistOutliers } from '../../events/persist-events.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { CheckedEvent } from '../door/at-the-door.ts';
import type { ReceiveOutcome, ReceiveTools } from '../receive-tools.ts';
import { nidAmong } from './store-outliers.ts';
import { internNames, storedFromPdu } from './stored-from-pdu.ts';

/** Keeps a rejected event without a place, with the reason, so that it is not looked into a second time. */
export async function storeRejected(
  tools: ReceiveTools,
  identity: RoomIdentity,
  checked: CheckedEvent,
  reason = 'its auth events do not allow it',
): Promise<ReceiveOutcome> {
  const names = (await internNames(tools.names, [checked]))(checked);
  const { durable } = await tools.registry.inTurn(identity, async (room) => {
    const near = await tools.events.byIds([checked.eventId, ...checked.event.authEvents, ...checked.event.prevEvents]);
    if (near.has(checked.eventId)) return { durable: Promise.resolve() };
    const slot = tools.stream.allocate(1);
    const { authNids: _, ...rejected } = storedFromPdu(
      identity,
      checked,
      names,
      {
        nid: slot.position,
        position: undefined,
        verdict: 'rejected',
        reason,
        stateRoot: undefined,
        roomRoot: undefined,
        replacesNid: undefined,
      },
      nidAmong(near, identity),
    );
    return { durable: persistOutliers(tools, room, { outliers: [rejected], slot }) };
  });
  await durable;
  return { outcome: 'rejected', reason };
}
