import { cpuOf } from '../servers/process-usage.ts';
import { GeneratedRoom } from './generated-room.ts';
import { peakOf, startSetting, watchPeak } from './setting.ts';

const servers = 10;

export type Row = Record<string, string | number>;

/** How long a client waits for its join of rooms of these sizes, and for all their members, and what it costs the server. */
export async function measureJoins(sizes: readonly number[]): Promise<Row[]> {
  const setting = await startSetting(servers);
  try {
    const alice = await setting.person('alice');
    const rows: Row[] = [];
    // The first is for the keys of the servers and for code that has never run.
    for (const members of [100, ...sizes]) {
      const room = new GeneratedRoom(setting.origins, members, `of ${members}`);
      const memory = watchPeak(setting.pid);
      const cpu = cpuOf([setting.pid]) ?? 0;
      const start = performance.now();
      await alice.post(`/join/${encodeURIComponent(room.roomId)}?via=${encodeURIComponent(setting.origins[0]?.name ?? '')}`, {});
      const usable = performance.now() - start;
      // Of a member whom the server does not know yet it tells when it knows them all.
      await alice.get(`/rooms/${encodeURIComponent(room.roomId)}/state/m.room.member/${encodeURIComponent(room.lastMember)}`);
      const complete = performance.now() - start;
      const used = (cpuOf([setting.pid]) ?? 0) - cpu;
      const grown = peakOf(setting.pid) - memory;
      const joined = await alice.get(`/rooms/${encodeURIComponent(room.roomId)}/joined_members`);
      if (Object.keys(joined.joined).length !== members + 1) throw new Error(`not all ${members} members are there`);
      rows.push({
        members: members.toLocaleString('en') + (members === 100 ? ' (first contact)' : ''),
        'usable after ms': Math.round(usable),
        'complete after ms': Math.round(complete),
        "server's CPU ms": used,
        'peak memory grows by MB': Math.round(grown / 1e6),
      });
    }
    return rows;
  } finally {
    await setting.stop();
  }
}
