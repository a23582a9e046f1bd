import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import { MatrixError } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import { domainOf, isUserId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import { userOfServer, type DurableEdus, type EduHandler } from '../../federation/edu.ts';
import { ConstraintError } from '../../platform/database/index.ts';
import { rememberReceived, serversWaitedFor, takeFromOutbox, waitingEdus, wasReceived } from './to-device.federation.store.ts';
import type { DeviceMessages, ToDevice, ToDeviceNeeds } from './to-device.ts';

/** The spec has 32 characters; others are known to take more. */
const longestMessageId = 255;
const longestType = 255;

/** What waits for other servers, one m.direct_to_device a row, until they have it, however long that takes. */
export function toDeviceOutbox({ database, names }: Pick<ToDeviceNeeds, 'database' | 'names'>): DurableEdus {
  return {
    async waitingServers() {
      const nids = await serversWaitedFor(database);
      return [...(await names.textsOf(nids)).values()] as ServerName[];
    },
    async next(server, limit) {
      const serverNid = await names.knownIdOf(server);
      const rows = serverNid === undefined || limit <= 0 ? [] : await waitingEdus(database, serverNid, limit);
      return {
        edus: rows.map(({ content }) => ({ type: 'm.direct_to_device', content: JSON.parse(content) as JsonObject })),
        delivered: () =>
          database.write((tx) =>
            takeFromOutbox(
              tx,
              rows.map(({ id }) => id),
            ),
          ),
      };
    },
  };
}

/**
 * Takes messages of other servers' users to devices here. One that was taken is passed over when it comes again.
 * https://spec.matrix.org/v1.19/server-server-api/#send-to-device-messaging
 */
export function receiveDirectToDevice(
  { database, names, clock, logger, serverName }: Pick<ToDeviceNeeds, 'database' | 'names' | 'clock' | 'logger' | 'serverName'>,
  toDevice: ToDevice,
): EduHandler {
  return async ({ content, origin }) => {
    const read = readContent(content, origin, serverName);
    if (!read) return;
    const { messageId, message } = read;
    const originNid = await names.idOf(origin);
    if (await wasReceived(database, originNid, messageId)) return;
    try {
      toDevice.limitKeyRequests(message);
      await toDevice.deliver(message, (tx) => rememberReceived(tx, originNid, messageId, clock.now()));
    } catch (error) {
      // Another transaction has brought it meanwhile.
      if (error instanceof ConstraintError && (await wasReceived(database, originNid, messageId))) return;
      if (!(error instanceof MatrixError)) throw error;
      logger.warn(
        { origin, sender: message.sender, type: message.type, reason: error.message },
        'messages to devices are not taken',
      );
    }
  };
}

/** Undefined where it is not what it should be: a sender of that server, users of ours. */
function readContent(
  content: JsonObject,
  origin: ServerName,
  serverName: ServerName,
): { readonly messageId: string; readonly message: DeviceMessages } | undefined {
  const sender = userOfServer(content['sender'], origin);
  const { type, message_id: messageId, messages } = content;
  if (!sender || typeof type !== 'string' || type.length > longestType || !isJsonObject(messages)) return undefined;
  if (typeof messageId !== 'string' || messageId.length > longestMessageId || !messageId.isWellFormed()) return undefined;
  const ours = new Map<UserId, ReadonlyMap<string, JsonObject>>();
  for (const userId of Object.keys(messages)) {
    const byDevice = own(messages, userId);
    // Nobody may send on through us.
    if (!isUserId(userId) || domainOf(userId) !== serverName || !isJsonObject(byDevice)) continue;
    const contents = Object.entries(byDevice).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]));
    ours.set(userId, new Map(contents));
  }
  return { messageId, message: { sender, type, messages: ours } };
}
