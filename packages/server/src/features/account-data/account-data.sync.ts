import type { Database, Interner } from '../../platform/database/index.ts';
import type { SyncPart, SyncScope, SyncSource } from '../../rooms/index.ts';
import { allOfUser, changedBetween, inRooms, wholeAccount, type AccountDatum } from './account-data.store.ts';
import type { AccountData } from './account-data.ts';

/**
 * What account data adds to `/sync`. A user whose data has not changed costs one look into memory. What users keep for rooms that they
 * are not in is handed out too: whoever builds the answer knows whether it shows the room.
 */
export function accountDataSyncSource(
  needs: { readonly database: Database; readonly names: Interner },
  accountData: AccountData,
): SyncSource {
  const { database, names } = needs;
  return {
    name: 'account data',
    stream: 'account_data',
    now: () => accountData.stream.now,
    everything: async ({ viewer }) => partOf(await allOfUser(database, names, viewer.userNid)),
    changes: async ({ viewer, newRooms }: SyncScope, since, upTo) => {
      const { userNid } = viewer;
      const ofNewRooms = newRooms.size === 0 ? [] : await inRooms(database, names, userNid, newRooms);
      const changed = accountData.recent.mayHaveChanged(userNid, since)
        ? await changedBetween(database, names, userNid, since, upTo)
        : [];
      return partOf([...ofNewRooms, ...changed.filter(({ roomNid }) => !newRooms.has(roomNid))]);
    },
  };
}

function partOf(data: readonly AccountDatum[]): SyncPart {
  if (data.length === 0) return {};
  const accountData: string[] = [];
  const roomAccountData = new Map<number, string[]>();
  for (const datum of data) {
    const text = `{"type":${JSON.stringify(datum.type)},"content":${datum.content ?? '{}'}}`;
    if (datum.roomNid === wholeAccount) {
      accountData.push(text);
      continue;
    }
    const ofRoom = roomAccountData.get(datum.roomNid);
    if (ofRoom) ofRoom.push(text);
    else roomAccountData.set(datum.roomNid, [text]);
  }
  return { ...(accountData.length > 0 && { accountData }), ...(roomAccountData.size > 0 && { roomAccountData }) };
}
