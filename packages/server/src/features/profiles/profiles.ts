import { forbidden, guestAccessForbidden, missingToken, notFound } from '@myelin/protocol/errors';
import type { Json } from '@myelin/protocol/events';
import { domainOf, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import { ByteCache, type CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { AnonymousRequester, UserRequester } from '../../platform/http/index.ts';
import { Turns } from '../../platform/turns.ts';
import { sharedRooms, viewerOf } from '../../rooms/index.ts';
import { checkKey, emptyProfile, fieldOf, withField, withoutField, type Profile } from './profile.ts';
import { deleteProfile, putProfile, putPropagation, readProfile } from './profiles.store.ts';
import type { ProfilePropagation, PropagationNeeds } from './propagate-profile.ts';

/** Who has an account here; `features/account` knows. */
export interface LocalAccounts {
  exists(userId: UserId): Promise<boolean>;
}

/** Profiles of users of other servers; undefined where there is none to be had. Throws M_FORBIDDEN where their server refuses. */
export interface RemoteProfiles {
  profileOf(userId: UserId): Promise<Profile | undefined>;
}

/** What an uploaded picture is; the feature that keeps media knows. */
export interface AvatarFacts {
  find(mxcUri: string): Promise<{ readonly bytes: number; readonly mimeType: string } | undefined>;
}

export interface ProfilesNeeds extends PropagationNeeds {
  readonly config: Pick<
    Config,
    | 'require_auth_for_profile_requests'
    | 'limit_profile_requests_to_users_who_share_rooms'
    | 'enable_set_displayname'
    | 'enable_set_avatar_url'
    | 'max_avatar_size'
    | 'allowed_avatar_mimetypes'
  >;
  readonly clock: Clock;
  readonly caches: CacheBudget;
  readonly serverName: ServerName;
  readonly accounts: LocalAccounts;
  readonly remoteProfiles?: RemoteProfiles;
  readonly avatarFacts?: AvatarFacts;
}

/** Name or avatar of a local user have changed. */
export type ProfileListener = (user: { readonly userNid: number; readonly userId: UserId }, profile: Profile) => void;

/** How long an answer waits for the rooms: those of most people are told by then. */
const patienceMs = 300;
const bytesOfAProfile = 400;

/** What users say of themselves. https://spec.matrix.org/v1.19/client-server-api/#profiles */
export class Profiles {
  readonly #needs: ProfilesNeeds;
  readonly #propagation: ProfilePropagation;
  readonly #turns = new Turns<number>();
  readonly #cache: ByteCache<number, Promise<Profile | undefined>>;
  readonly #listeners: ProfileListener[] = [];

  constructor(needs: ProfilesNeeds, propagation: ProfilePropagation) {
    this.#needs = needs;
    this.#propagation = propagation;
    this.#cache = new ByteCache({ budget: needs.caches, cost: () => bytesOfAProfile });
  }

  /** Calls the listener after each change of a name or an avatar is durable. It must not throw. */
  onChange(listener: ProfileListener): void {
    this.#listeners.push(listener);
  }

  /** A local user's profile; undefined for one who never had any. */
  of(userNid: number): Promise<Profile | undefined> {
    const known = this.#cache.get(userNid);
    if (known) return known;
    const loading = readProfile(this.#needs.database, userNid);
    // A change that comes meanwhile takes its place: what is loaded is not put in again.
    this.#cache.set(userNid, loading);
    loading.catch(() => {
      if (this.#cache.peek(userNid) === loading) this.#cache.delete(userNid);
    });
    return loading;
  }

  /** Name and avatar for a member event; empty where a user has said nothing or is not one of ours. */
  async profileOf(userId: UserId): Promise<{ readonly displayname?: string; readonly avatar_url?: string }> {
    if (domainOf(userId) !== this.#needs.serverName) return {};
    const userNid = await this.#needs.names.knownIdOf(userId);
    const profile = userNid === undefined ? undefined : await this.of(userNid);
    return {
      ...(profile?.displayname !== undefined && { displayname: profile.displayname }),
      ...(profile?.avatarUrl !== undefined && { avatar_url: profile.avatarUrl }),
    };
  }

  /** Whether an avatar keeps to `max_avatar_size` and `allowed_avatar_mimetypes`. One that nobody knows anything of does not. */
  async isAvatarAllowed(avatarUrl: string): Promise<boolean> {
    const { max_avatar_size: maxBytes, allowed_avatar_mimetypes: types } = this.#needs.config;
    if (maxBytes === null && types === null) return true;
    const facts = await this.#needs.avatarFacts?.find(avatarUrl);
    if (!facts) return false;
    return (maxBytes === null || facts.bytes <= maxBytes) && (types === null || types.includes(facts.mimeType));
  }

  /**
   * A profile as this requester may see it. Throws M_MISSING_TOKEN and M_FORBIDDEN by the settings, M_NOT_FOUND where there is no such
   * user.
   */
  async look(requester: UserRequester | AnonymousRequester, userId: UserId): Promise<Profile> {
    await this.#checkMayLook(requester, userId);
    const { remoteProfiles, serverName } = this.#needs;
    if (domainOf(userId) === serverName) return this.lookAtLocal(userId);
    const remote = await remoteProfiles?.profileOf(userId);
    if (!remote) throw notFound('Profile not found');
    return remote;
  }

  /** A local user's profile, for everybody who may see profiles. Throws M_NOT_FOUND where there is no such user. */
  async lookAtLocal(userId: UserId): Promise<Profile> {
    const { accounts, names } = this.#needs;
    const userNid = await names.knownIdOf(userId);
    const profile = userNid === undefined ? undefined : await this.of(userNid);
    if (!profile && !(await accounts.exists(userId))) throw notFound('Profile not found');
    return profile ?? emptyProfile;
  }

  /** Sets a field; durable when it resolves. Throws what `checkKey` and `withField` throw, and M_FORBIDDEN. */
  async set(requester: UserRequester, userId: UserId, key: string, value: Json): Promise<void> {
    checkKey(key);
    const user = await this.#changedBy(requester, userId, key);
    if (key === 'avatar_url' && typeof value === 'string' && value !== '' && !(await this.isAvatarAllowed(value))) {
      throw forbidden('This avatar is not allowed');
    }
    await this.#change(user, (before) => {
      this.#checkMayChange(requester, key, before);
      return withField(before, key, value);
    });
  }

  /** Removes a field, if it is there. Throws M_FORBIDDEN, M_INVALID_PARAM. */
  async remove(requester: UserRequester, userId: UserId, key: string): Promise<void> {
    checkKey(key);
    const user = await this.#changedBy(requester, userId, key);
    await this.#change(user, (before) => {
      if (fieldOf(before, key) !== undefined) this.#checkMayChange(requester, key, before);
      return withoutField(before, key);
    });
  }

  /** Gives a new user a name; one who has a profile already keeps it. */
  async create(user: { readonly userNid: number; readonly userId: UserId }, displayname: string | undefined): Promise<void> {
    if (!displayname) return;
    await this.#change(user, (before) => (before.displayname === undefined ? { ...before, displayname } : before));
  }

  /** Forgets a profile, as nobody is to find it any more. Rooms are not told: the user leaves them. */
  async forget(userNid: number): Promise<void> {
    await this.#turns.take(userNid, () =>
      this.#needs.database.write((tx) => {
        deleteProfile(tx, userNid);
        tx.onCommit(() => this.#cache.set(userNid, Promise.resolve(undefined)));
      }),
    );
  }

  async #change(
    user: { readonly userNid: number; readonly userId: UserId },
    change: (before: Profile) => Profile,
  ): Promise<void> {
    const { userNid, userId } = user;
    const changed = await this.#turns.take(userNid, async () => {
      const before = await this.of(userNid);
      const after = change(before ?? emptyProfile);
      if (before && JSON.stringify(before) === JSON.stringify(after)) return undefined;
      const isSeen = before?.displayname !== after.displayname || before?.avatarUrl !== after.avatarUrl;
      const isSeenInRooms = isSeen && (await this.#needs.rooms.memberships.joinedRooms(userNid)).length > 0;
      await this.#needs.database.write((tx) => {
        putProfile(tx, userNid, after);
        if (isSeenInRooms) putPropagation(tx, userNid);
        tx.onCommit(() => this.#cache.set(userNid, Promise.resolve(after)));
      });
      return isSeen ? { after, isSeenInRooms } : undefined;
    });
    if (!changed) return;
    for (const listener of this.#listeners) listener({ userNid, userId }, changed.after);
    if (changed.isSeenInRooms) await this.#withinPatience(this.#propagation.tell(userNid));
  }

  async #withinPatience(work: Promise<void>): Promise<void> {
    const done = new AbortController();
    await Promise.race([work, this.#needs.clock.sleep(patienceMs, done.signal)]);
    done.abort();
  }

  async #checkMayLook(requester: UserRequester | AnonymousRequester, userId: UserId): Promise<void> {
    const { config, database, names, rooms, serverName } = this.#needs;
    const { limit_profile_requests_to_users_who_share_rooms: onlyShared } = config;
    if (requester.kind === 'anonymous') {
      if (config.require_auth_for_profile_requests || onlyShared) throw missingToken();
      return;
    }
    if (!onlyShared || requester.userId === userId || requester.isAdmin) return;
    const userNid = await names.knownIdOf(userId);
    const { userNid: ownNid } = viewerOf(requester);
    const share = async (other: number): Promise<boolean> =>
      domainOf(userId) === serverName
        ? rooms.memberships.shareRoom(ownNid, other)
        : (await sharedRooms(database, ownNid, other)).length > 0;
    if (userNid !== undefined && (await share(userNid))) return;
    throw forbidden('You may see profiles only of those with whom you share a room');
  }

  async #changedBy(requester: UserRequester, userId: UserId, key: string): Promise<{ userNid: number; userId: UserId }> {
    const { accounts, names, serverName } = this.#needs;
    if (requester.isGuest && key !== 'displayname') throw guestAccessForbidden('Guests may change nothing but their name');
    if (requester.userId === userId) return { userNid: viewerOf(requester).userNid, userId };
    if (!requester.isAdmin) throw forbidden("Nobody may change another user's profile");
    if (domainOf(userId) !== serverName || !(await accounts.exists(userId))) throw notFound('There is no such user here');
    return { userNid: await names.idOf(userId), userId };
  }

  #checkMayChange(requester: UserRequester, key: string, before: Profile): void {
    const { enable_set_displayname, enable_set_avatar_url } = this.#needs.config;
    if (requester.isAdmin) return;
    // The first one is always allowed.
    if (key === 'displayname' && !enable_set_displayname && before.displayname !== undefined) {
      throw forbidden('Changing display names is disabled on this server');
    }
    if (key === 'avatar_url' && !enable_set_avatar_url && before.avatarUrl !== undefined) {
      throw forbidden('Changing avatars is disabled on this server');
    }
  }
}
