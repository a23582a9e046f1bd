import type { Config } from '../../config/index.ts';
import type { Feature } from '../feature.ts';
import { profilesFederation } from './profiles.federation.ts';
import { profileRoutes } from './profiles.routes.ts';
import { Profiles, type ProfilesNeeds } from './profiles.ts';
import { ProfilePropagation } from './propagate-profile.ts';

export type { Profile } from './profile.ts';
export type { AvatarFacts, LocalAccounts, ProfileListener, Profiles, ProfilesNeeds, RemoteProfiles } from './profiles.ts';

const resumeEveryMs = 60_000;

/** Profiles of this server's users, and their way into the rooms. */
export function profilesFeature(
  needs: ProfilesNeeds & { readonly config: Pick<Config, 'allow_profile_lookup_over_federation'> },
): Feature & { readonly profiles: Profiles } {
  const propagation = new ProfilePropagation(needs);
  const profiles = new Profiles(needs, propagation);
  return {
    name: 'profiles',
    routes: [...profileRoutes(profiles), ...profilesFederation({ ...needs, profiles })],
    // Also what the server had not told when it ended.
    jobs: [{ name: 'tell rooms of changed profiles', everyMs: resumeEveryMs, run: () => propagation.resume() }],
    stop: () => propagation.stop(),
    profiles,
  };
}
