import type { Feature } from '../feature.ts';
import { profileRoutes } from './profiles.routes.ts';
import { Profiles, type ProfilesNeeds } from './profiles.ts';
import { ProfilePropagation } from './propagate-profile.ts';

export type { Profile } from './profile.ts';
export type { AvatarFacts, LocalAccounts, ProfileListener, Profiles, ProfilesNeeds, RemoteProfiles } from './profiles.ts';

const resumeEveryMs = 60_000;

/** Profiles of this server's users, and their way into the rooms. */
export function profilesFeature(needs: ProfilesNeeds): Feature & { readonly profiles: Profiles } {
  const propagation = new ProfilePropagation(needs);
  const profiles = new Profiles(needs, propagation);
  return {
    name: 'profiles',
    routes: profileRoutes(profiles),
    // Also what the server had not told when it ended.
    jobs: [{ name: 'tell rooms of changed profiles', everyMs: resumeEveryMs, run: () => propagation.resume() }],
    stop: () => propagation.stop(),
    profiles,
  };
}
