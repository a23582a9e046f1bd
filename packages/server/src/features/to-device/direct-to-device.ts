import { tooLarge } from '@myelin/protocol/errors';
import type { UserId } from '@myelin/protocol/identifiers';

/** What goes to one device, or to all of a user's (`*`). */
export interface Addressed {
  readonly userId: UserId;
  readonly deviceId: string;
  /** JSON. */
  readonly content: string;
}

/** As large as an event may be, and as others take it; https://spec.matrix.org/v1.19/client-server-api/#size-limits */
export const mostEduBytes = 65_536;

/**
 * The contents, as JSON, of as few m.direct_to_device as hold all messages, in their order; each EDU stays within `mostEduBytes`.
 * Messages to one user stand together in `addressed`. Throws M_TOO_LARGE for a message that no EDU can hold.
 * https://spec.matrix.org/v1.19/server-server-api/#definition-mdirect_to_device
 */
export function directToDevice(
  { sender, type }: { readonly sender: UserId; readonly type: string },
  addressed: Iterable<Addressed>,
  newMessageId: () => string,
): string[] {
  const contents: string[] = [];
  // All ids have the same length.
  const emptyBytes = bytesOf(eduText(contentText({ sender, type, messageId: newMessageId(), messages: new Map() })));
  let messages = new Map<UserId, string[]>();
  let bytes = emptyBytes;
  const finish = (): void => {
    if (messages.size > 0) contents.push(contentText({ sender, type, messageId: newMessageId(), messages }));
    messages = new Map();
    bytes = emptyBytes;
  };
  for (const { userId, deviceId, content } of addressed) {
    const member = `${JSON.stringify(deviceId)}:${content}`;
    // With the commas before them.
    const memberBytes = bytesOf(member) + 1;
    const userBytes = bytesOf(JSON.stringify(userId)) + ',:{}'.length;
    if (emptyBytes + userBytes + memberBytes > mostEduBytes)
      throw tooLarge(`A message to a device of more than ${mostEduBytes} bytes`);
    if (bytes + (messages.has(userId) ? 0 : userBytes) + memberBytes > mostEduBytes) finish();
    const ofUser = messages.get(userId);
    bytes += memberBytes + (ofUser ? 0 : userBytes);
    if (ofUser) ofUser.push(member);
    else messages.set(userId, [member]);
  }
  finish();
  return contents;
}

interface Content {
  readonly sender: UserId;
  readonly type: string;
  readonly messageId: string;
  readonly messages: ReadonlyMap<UserId, readonly string[]>;
}

function contentText({ sender, type, messageId, messages }: Content): string {
  const users = Array.from(messages, ([userId, members]) => `${JSON.stringify(userId)}:{${members.join(',')}}`);
  const head = `"message_id":${JSON.stringify(messageId)},"messages":{${users.join(',')}}`;
  return `{${head},"sender":${JSON.stringify(sender)},"type":${JSON.stringify(type)}}`;
}

function eduText(content: string): string {
  return `{"content":${content},"edu_type":"m.direct_to_device"}`;
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
