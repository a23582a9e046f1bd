import { decodeSyncToken, type SyncToken } from '../../platform/streams/index.ts';
import type { SyncSource } from '../../rooms/index.ts';
import { listChanges, type ListChangesTools } from './list-changes.ts';

/** Before anything happened. */
const noToken = decodeSyncToken('s0') as SyncToken;

/** `device_lists` of `/sync`, for clients that come with a token; https://spec.matrix.org/v1.19/client-server-api/#e2e-extensions-to-sync */
export function deviceListsSyncSource(tools: ListChangesTools): SyncSource {
  return {
    name: 'device lists',
    stream: 'device_lists',
    // Who comes and who goes changes whose devices one is to know.
    alsoFollows: ['events'],
    now: () => tools.news.stream.now,
    // What its lists were built from is lost: it asks for all of them anew.
    async putRight(viewer, upTo) {
      const { changed } = await listChanges(tools, viewer, noToken, upTo);
      return { device_lists: JSON.stringify({ changed, left: [] }) };
    },
    everything: () => Promise.resolve({}),
    async changes({ viewer, since, upTo }) {
      if (!since) return {};
      const changes = await listChanges(tools, viewer, since, upTo);
      if (changes.changed.length === 0 && changes.left.length === 0) return {};
      return { members: { device_lists: JSON.stringify(changes) } };
    },
  };
}
