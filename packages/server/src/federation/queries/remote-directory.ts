import type { ResponseOf } from '@myelin/protocol/api';
import * as federation from '@myelin/protocol/api/federation';
import { forbidden, unknown } from '@myelin/protocol/errors';
import { domainOf, type RoomAlias, type RoomId, type ServerName } from '@myelin/protocol/identifiers';

import { RemoteError } from '../../remote-servers/index.ts';
import { firstAnswer, queryBounds, type QueryNeeds } from './asking.ts';
import { RecentAnswers } from './recent-answers.ts';
import { withJoinRule, type HierarchyOfRoom, type RemoteHierarchies } from './remote-hierarchy.ts';

type PublicRoomsAnswer = ResponseOf<typeof federation.getPublicRooms>;

/** Where an alias leads. */
export interface RemoteAliasTarget {
  readonly roomId: RoomId;
  readonly servers: readonly ServerName[];
}

/** What is asked of another server's directory. */
export interface RemoteRoomsQuery {
  readonly limit: number | undefined;
  readonly since: string | undefined;
  readonly filter: { readonly term?: string; readonly roomTypes?: readonly (string | null)[] };
  readonly network?: string;
}

/** A page of another server's directory. */
export type RemoteRoomsPage = Omit<PublicRoomsAnswer, 'chunk'> & {
  chunk: (PublicRoomsAnswer['chunk'][number] & { readonly join_rule: string })[];
};

/** A room as another server tells of it. */
export type RemoteSummary = Omit<HierarchyOfRoom['room'], 'children_state'>;

const aliasFreshMs = 60_000;
const pageFreshMs = 30_000;
const limitBytes = 8_000_000;
const mostServersOfAnAlias = 200;

/** What other servers know of rooms: their aliases, their directories, summaries. */
export class RemoteDirectories {
  readonly #needs: QueryNeeds;
  readonly #hierarchies: RemoteHierarchies;
  readonly #aliases: RecentAnswers<RemoteAliasTarget | undefined>;
  readonly #pages: RecentAnswers<RemoteRoomsPage>;

  constructor(needs: QueryNeeds, hierarchies: RemoteHierarchies) {
    this.#needs = needs;
    this.#hierarchies = hierarchies;
    this.#aliases = new RecentAnswers(needs, {
      freshMs: (target) => (target ? aliasFreshMs : 0),
      bytes: (target) => 200 + 60 * (target?.servers.length ?? 0),
      limitBytes,
    });
    this.#pages = new RecentAnswers(needs, {
      freshMs: () => pageFreshMs,
      bytes: (page) => 2 * JSON.stringify(page).length,
      limitBytes,
    });
  }

  /**
   * Asks the alias's own server; undefined where it knows none, or does not answer.
   * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory
   */
  resolve(alias: RoomAlias): Promise<RemoteAliasTarget | undefined> {
    const home = domainOf(alias);
    return this.#aliases.of(alias, () =>
      firstAnswer(this.#needs, [home], async (server) => {
        const input = { query: { room_alias: alias } };
        const answer = await this.#needs.servers.request(server, federation.queryRoomDirectory, input, queryBounds);
        // Who knows the alias most often knows the room.
        const servers = [...new Set([...answer.servers, home])];
        return { roomId: answer.room_id, servers: servers.slice(0, mostServersOfAnAlias) };
      }),
    );
  }

  /**
   * A page of another server's directory. Throws M_FORBIDDEN where that server shows none, M_UNKNOWN with status 502 where it does not
   * answer. https://spec.matrix.org/v1.19/server-server-api/#published-room-directory
   */
  publicRooms(server: ServerName, query: RemoteRoomsQuery): Promise<RemoteRoomsPage> {
    return this.#pages.of(JSON.stringify([server, query]), () => this.#askForRooms(server, query));
  }

  /** A room that this server is not in, as one of these servers tells of it; undefined where none does. */
  async summary(roomId: RoomId, via: readonly ServerName[]): Promise<RemoteSummary | undefined> {
    const found = await this.#hierarchies.hierarchy(roomId, via);
    if (!found) return undefined;
    const { children_state: _children, ...summary } = found.room;
    return summary;
  }

  async #askForRooms(server: ServerName, query: RemoteRoomsQuery): Promise<RemoteRoomsPage> {
    const { limit, since, filter, network } = query;
    const asked = {
      ...(limit !== undefined && { limit }),
      ...(since !== undefined && { since }),
      ...(network !== undefined && { third_party_instance_id: network }),
    };
    const { term, roomTypes } = filter;
    const search = {
      ...(term !== undefined && { generic_search_term: term }),
      ...(roomTypes !== undefined && { room_types: [...roomTypes] }),
    };
    const { servers } = this.#needs;
    try {
      // Servers that know nothing of searching know the plain list.
      const page =
        Object.keys(search).length > 0
          ? await servers.request(server, federation.queryPublicRooms, { body: { ...asked, filter: search } }, queryBounds)
          : await servers.request(server, federation.getPublicRooms, { query: asked }, queryBounds);
      return { ...page, chunk: page.chunk.map(withJoinRule) };
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      if (error.status === 403) throw forbidden(`${server} does not show its directory of rooms`);
      throw unknown(`${server} has not answered with its directory of rooms`, 502);
    }
  }
}
