import type { ResponseOf } from '@myelin/protocol/api';
import * as federation from '@myelin/protocol/api/federation';
import type { RoomId, ServerName } from '@myelin/protocol/identifiers';

import { firstAnswer, queryBounds, type QueryNeeds } from './asking.ts';
import { RecentAnswers } from './recent-answers.ts';

type HierarchyAnswer = ResponseOf<typeof federation.getSpaceHierarchy>;
type WithJoinRule<Room> = Room & { readonly join_rule: string };

/** What another server tells of a room and its children. */
export interface HierarchyOfRoom {
  readonly room: WithJoinRule<HierarchyAnswer['room']>;
  readonly children: readonly WithJoinRule<HierarchyAnswer['children'][number]>[];
  /** Children that nobody of this server could enter. */
  readonly inaccessible: readonly RoomId[];
}

const freshMs = 300_000;
const limitBytes = 16_000_000;

/** Asks other servers for rooms that this one is not in, and remembers for a while what they tell. */
export class RemoteHierarchies {
  readonly #needs: QueryNeeds;
  readonly #answers: RecentAnswers<HierarchyOfRoom | undefined>;

  constructor(needs: QueryNeeds) {
    this.#needs = needs;
    this.#answers = new RecentAnswers(needs, {
      // What nobody has told now, somebody may tell in a moment.
      freshMs: (answer) => (answer ? freshMs : 0),
      bytes: (answer) => 2 * JSON.stringify(answer ?? null).length,
      limitBytes,
    });
  }

  /**
   * A room with its children; undefined where none of the servers tells anything.
   * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid
   */
  hierarchy(roomId: RoomId, via: readonly ServerName[]): Promise<HierarchyOfRoom | undefined> {
    return this.#answers.of(roomId, () => firstAnswer(this.#needs, via, (server) => this.#ask(server, roomId)));
  }

  async #ask(server: ServerName, roomId: RoomId): Promise<HierarchyOfRoom | undefined> {
    const input = { params: { roomId }, query: { suggested_only: false } };
    const answer = await this.#needs.servers.request(server, federation.getSpaceHierarchy, input, queryBounds);
    if (answer.room.room_id !== roomId) return undefined;
    return {
      room: withJoinRule(answer.room),
      children: answer.children.map(withJoinRule),
      inaccessible: answer.inaccessible_children,
    };
  }
}

/** A room that says nothing of it may be joined by everybody; https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms */
export function withJoinRule<Room extends { readonly join_rule?: string }>(room: Room): WithJoinRule<Room> {
  return { ...room, join_rule: room.join_rule ?? 'public' };
}
