import * as client from '@myelin/protocol/api/client';
import { invalidParam } from '@myelin/protocol/errors';

import { route, type Route } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import type { Receipts } from './receipts.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#receipts and #fully-read-markers */
export function receiptRoutes(receipts: Receipts): Route[] {
  return [
    route(client.postReceipt, async ({ params, body, requester }) => {
      const { roomId, receiptType, eventId } = params;
      const threadId = body.thread_id;
      if (threadId !== undefined && typeof threadId !== 'string') throw invalidParam('thread_id must be a non-empty string');
      if (receiptType === 'm.fully_read') {
        if (threadId !== undefined) throw invalidParam('The fully-read marker has no threads');
        await receipts.mark(viewerOf(requester), roomId, { fullyRead: eventId, allowBackward: allowsBackward(body) });
      } else {
        const marker = receiptType === 'm.read' ? { read: eventId } : { privateRead: eventId };
        await receipts.mark(viewerOf(requester), roomId, { ...marker, threadId });
      }
      return {};
    }),
    route(client.setReadMarker, async ({ params, body, requester }) => {
      await receipts.mark(viewerOf(requester), params.roomId, {
        read: body['m.read'],
        privateRead: body['m.read.private'],
        fullyRead: body['m.fully_read'],
        allowBackward: allowsBackward(body),
      });
      return {};
    }),
  ];
}

/** MSC4446, by its name now and by the one it hopes for. */
function allowsBackward(body: { 'com.beeper.allow_backward'?: boolean; allow_backward?: boolean }): boolean {
  return body['com.beeper.allow_backward'] ?? body.allow_backward ?? false;
}
