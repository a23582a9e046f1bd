import * as federation from '@myelin/protocol/api/federation';
import { forbidden } from '@myelin/protocol/errors';
import { textField, type JsonObject } from '@myelin/protocol/events';
import { domainOf, type UserId } from '@myelin/protocol/identifiers';

import { RemoteError } from '../../remote-servers/index.ts';
import type { PersistHook } from '../../rooms/index.ts';
import { queryBounds, type QueryNeeds } from './asking.ts';
import { RecentAnswers } from './recent-answers.ts';

/** A user's profile as their server tells it. */
export interface RemoteProfile {
  readonly displayname: string | undefined;
  readonly avatarUrl: string | undefined;
  readonly fields: JsonObject;
}

const freshMs = 300_000;
/** What is not there may come: it is asked for again sooner. */
const absentMs = 30_000;
const limitBytes = 4_000_000;
/** A profile has 64 KiB at most; JSON may spell it at greater length. */
const bounds = { ...queryBounds, maxBytes: 256 * 1024 };
const maxNameLength = 256;
const maxAvatarLength = 1000;

/** Profiles of users of other servers, remembered for five minutes or until a member event says that they have changed. */
export class RemoteProfiles {
  readonly #needs: QueryNeeds;
  readonly #answers: RecentAnswers<RemoteProfile | undefined>;

  constructor(needs: QueryNeeds) {
    this.#needs = needs;
    this.#answers = new RecentAnswers(needs, {
      freshMs: (profile) => (profile ? freshMs : absentMs),
      bytes: (profile) => 200 + 2 * JSON.stringify(profile ?? null).length,
      limitBytes,
    });
  }

  /**
   * Undefined where there is none to be had: no such user, or no answer. Throws M_FORBIDDEN where their server refuses.
   * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile
   */
  profileOf(userId: UserId): Promise<RemoteProfile | undefined> {
    return this.#answers.of(userId, () => this.#ask(userId));
  }

  /** What a member event of another server's user tells is newer than what was asked before. */
  get hook(): PersistHook {
    return {
      name: "profiles of other servers' users",
      after: ({ stateChanges }) => {
        for (const { type, stateKey } of stateChanges) if (type === 'm.room.member') this.#answers.forget(stateKey);
      },
    };
  }

  async #ask(userId: UserId): Promise<RemoteProfile | undefined> {
    const { logger, servers } = this.#needs;
    try {
      const input = { query: { user_id: userId } };
      return readProfile(await servers.request(domainOf(userId), federation.queryProfile, input, bounds));
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      if (error.status === 403) throw forbidden(`The server of ${userId} does not show profiles`);
      logger.debug({ err: error, userId }, 'another server has not told a profile');
      return undefined;
    }
  }
}

function readProfile(answer: JsonObject): RemoteProfile {
  const { displayname: _name, avatar_url: _avatar, ...fields } = answer;
  const avatarUrl = textField(answer, 'avatar_url');
  return {
    displayname: textField(answer, 'displayname')?.slice(0, maxNameLength) || undefined,
    avatarUrl: avatarUrl?.startsWith('mxc://') && avatarUrl.length <= maxAvatarLength ? avatarUrl : undefined,
    fields,
  };
}
