/** An event as a client gets it; only what the model reads. */
export interface SeenEvent {
  readonly event_id: string;
  readonly type: string;
  readonly state_key?: string;
  readonly sender: string;
  readonly content: Readonly<Record<string, unknown>>;
}

export type Sight = 'must' | 'must not' | 'may';

/**
 * What each user must, may and must not see of a room whose whole history is known, written down once more from the words of the spec
 * and not from the server's code: https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
 */
export class RoomModel {
  readonly #history: readonly SeenEvent[];

  constructor(history: readonly SeenEvent[]) {
    this.#history = history;
  }

  /** For each event of the history, by its id: may this user see it by reading the room's messages? */
  sightOf(userId: string): Map<string, Sight> {
    const memberships = this.#valuesAfterEach('m.room.member', userId, 'membership', 'leave');
    const visibilities = this.#valuesAfterEach('m.room.history_visibility', '', 'history_visibility', 'shared');
    const lastJoined = memberships.lastIndexOf('join');
    const sights = new Map<string, Sight>();
    for (const [index, event] of this.#history.entries()) {
      const allowed = (membership: string, visibility: string): boolean =>
        visibility === 'world_readable' ||
        membership === 'join' ||
        (visibility === 'shared' && lastJoined > index) ||
        (visibility === 'invited' && membership === 'invite');
      const membership = memberships[index] ?? 'leave';
      const visibility = visibilities[index] ?? 'shared';
      const isOwn = event.type === 'm.room.member' && event.state_key === userId;
      const isVisibility = event.type === 'm.room.history_visibility';
      const before = allowed(
        isOwn ? (memberships[index - 1] ?? 'leave') : membership,
        isVisibility ? (visibilities[index - 1] ?? 'shared') : visibility,
      );
      const seen = allowed(membership, visibility) || ((isOwn || isVisibility) && before);
      // Who is outside may be kept from what came after, even where anybody could look in; and may be told what became of them.
      const outsideNow = lastJoined < index && membership !== 'join' && (memberships[index - 1] ?? 'leave') !== 'join';
      if (seen) sights.set(event.event_id, outsideNow ? 'may' : 'must');
      else sights.set(event.event_id, isOwn ? 'may' : 'must not');
    }
    return sights;
  }

  /** The events that happened while the user was in the room: what sync must have brought, one by one. */
  whileJoined(userId: string): string[] {
    const memberships = this.#valuesAfterEach('m.room.member', userId, 'membership', 'leave');
    return this.#history.filter((_, index) => memberships[index] === 'join').map(({ event_id }) => event_id);
  }

  membershipNow(userId: string): string {
    return this.#valuesAfterEach('m.room.member', userId, 'membership', 'leave').at(-1) ?? 'leave';
  }

  /** What decides about an event, in words: for the message of a failure. */
  storyOf(eventId: string, userId: string): string {
    return this.#history
      .flatMap((event, index) => {
        const isAbout = event.type === 'm.room.member' && event.state_key === userId;
        const what = isAbout
          ? `member ${String(event.content['membership'])}`
          : `visibility ${String(event.content['history_visibility'])}`;
        const isIt = event.event_id === eventId;
        return isIt || isAbout || event.type === 'm.room.history_visibility'
          ? `${index} ${isIt ? `THIS ${event.type}` : what}`
          : [];
      })
      .join(', ');
  }

  hasBeenJoined(userId: string): boolean {
    return this.#valuesAfterEach('m.room.member', userId, 'membership', 'leave').includes('join');
  }

  #valuesAfterEach(type: string, stateKey: string, key: string, otherwise: string): string[] {
    let value = otherwise;
    return this.#history.map((event) => {
      if (event.type === type && event.state_key === stateKey) value = textOf(event.content[key]) ?? otherwise;
      return value;
    });
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
