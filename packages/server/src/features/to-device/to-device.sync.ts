import type { Logger } from '../../platform/observability/index.ts';
import type { SyncPart, SyncSource, Viewer } from '../../rooms/index.ts';
import type { ToDevice } from './to-device.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging: "100 messages is recommended" */
const messagesOfAnAnswer = 100;

/**
 * What waits for the device that asks, and for no other. Messages are deleted when the device comes back with a token that covers them; until
 * then the same token is answered with the same messages. A user to whom nothing was sent costs one look into memory.
 * https://spec.matrix.org/v1.19/client-server-api/#extensions-to-sync-1
 */
export function toDeviceSyncSource({ logger }: { readonly logger: Logger }, toDevice: ToDevice): SyncSource {
  const partFor = async ({ userNid, deviceId }: Viewer, since: number, end: number): Promise<SyncPart> => {
    if (deviceId === undefined) return {};
    const { messages, upTo } = await toDevice.messagesOf({ userNid, deviceId }, since, messagesOfAnAnswer, end);
    if (messages.length === 0) return {};
    return { toDevice: messages.map(({ message }) => message), ...(upTo < end && { toldUpTo: upTo }) };
  };
  return {
    name: 'messages to devices',
    stream: 'to_device',
    now: () => toDevice.stream.now,
    everything: ({ viewer }, upTo) => partFor(viewer, 0, upTo),
    changes: async ({ viewer }, since, upTo) =>
      since < upTo && toDevice.recent.mayHaveChanged(viewer.userNid, since) ? partFor(viewer, since, upTo) : {},
    async acknowledged({ userNid, deviceId }, position) {
      if (deviceId === undefined) return;
      try {
        await toDevice.acknowledge({ userNid, deviceId }, position);
      } catch (error) {
        // The client has them: it need not hear of it. Its next token deletes them.
        logger.warn({ err: error }, 'messages that a device has are deleted later');
      }
    },
  };
}
