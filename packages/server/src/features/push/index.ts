import type { JsonObject } from '@myelin/protocol/events';
import type { UserId } from '@myelin/protocol/identifiers';
import { effectiveRuleset } from '@myelin/protocol/push-rules';

import type { CacheBudget } from '../../platform/cache/index.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Random } from '../../platform/random.ts';
import type { Notifier } from '../../platform/streams/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import type { Feature } from '../feature.ts';
import { MemberChanges } from './notifying/members.ts';
import { notifyMembers } from './notifying/notify-members.ts';
import { pushRulesRoutes } from './rules/push-rules.routes.ts';
import { pushRulesSyncSource } from './rules/push-rules.sync.ts';
import { openPushRules, type PushRules } from './rules/push-rules.ts';
import { RulesInRooms } from './rules/rules-in-room.ts';
import { unreadSyncSource } from './unread/unread.sync.ts';
import { openUnread, type PreparedMark, type ReceiptForCounts, type Unread } from './unread/unread.ts';

export type { PushRules } from './rules/push-rules.ts';
export { mainTimeline, threadNidOf } from './notifying/thread-of-event.ts';
export type { PreparedMark, ReadMark, Unread, UnreadThreads } from './unread/unread.ts';

/** What push asks of the account data: to hear of changes, and to answer for `m.push_rules`. */
export interface AccountDataForPush {
  onChange(listener: (change: { readonly userNid: number; readonly type: string }) => void): void;
  serveFrom(type: string, reader: (userNid: number) => Promise<JsonObject | undefined>): void;
}

/** What push asks of the receipts: to take part in their writes. */
export interface ReceiptsForPush {
  readonly hooks: {
    push(hook: { readonly name: string; prepare(receipt: ReceiptForCounts): Promise<PreparedMark | undefined> }): unknown;
  };
}

export interface PushNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly caches: CacheBudget;
  readonly random: Random;
  readonly rooms: Rooms;
  readonly accountData: AccountDataForPush;
  readonly receipts: ReceiptsForPush;
}

/** Push rules and unread counts. `unread` is told what was read; `rules` are each user's push rules. */
export async function pushFeature(needs: PushNeeds): Promise<Feature & { readonly unread: Unread; readonly rules: PushRules }> {
  const { rooms, accountData, receipts } = needs;
  const rules = await openPushRules(needs);
  const unread = await openUnread(needs);
  const memberChanges = new MemberChanges();
  rules.onChange((userNid) => memberChanges.changed(userNid));
  accountData.onChange(({ userNid, type }) => {
    if (type === 'm.ignored_user_list') memberChanges.changed(userNid);
  });
  accountData.serveFrom('m.push_rules', async (userNid) => {
    const userId = (await needs.names.textOf(userNid)) as UserId;
    // Rules are plain data all the way down.
    return { global: effectiveRuleset(await rules.of(userNid), userId) as unknown as JsonObject };
  });
  receipts.hooks.push({ name: 'unread counts', prepare: (receipt) => unread.prepareReceipt(receipt) });
  rooms.hooks.persist.push(
    notifyMembers({
      database: needs.database,
      names: needs.names,
      rooms,
      rules,
      unread,
      hooks: rooms.hooks,
      memberChanges,
      rulesInRooms: new RulesInRooms(),
      // Long and new with each start: no event can name it.
      nobody: `@${needs.random.token(32)}:` as UserId,
    }),
  );
  return {
    name: 'push',
    routes: pushRulesRoutes(rules),
    sync: [pushRulesSyncSource(rules), unreadSyncSource(unread, rooms.events)],
    rules,
    unread,
  };
}
