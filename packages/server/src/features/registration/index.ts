import type { Feature } from '../feature.ts';
import { registrationTokensAdminRoutes, type RegistrationTokensAdminNeeds } from './registration-tokens.admin.ts';
import { registrationRoutes, type RegistrationRoutesNeeds } from './registration.routes.ts';
import { sharedSecretRoutes, type SharedSecretNeeds } from './shared-secret.admin.ts';

export { autoJoin } from './auto-join.ts';
export type { AutoJoinNeeds, AutoJoinRooms, RoomActor } from './auto-join.ts';
export type { RegistrationHooks } from './register-account.ts';
export { registrationStages } from './stages.ts';

/** Signing up, by oneself or by whoever runs the server. */
export function registrationFeature(needs: RegistrationRoutesNeeds & SharedSecretNeeds & RegistrationTokensAdminNeeds): Feature {
  return {
    name: 'registration',
    routes: [...registrationRoutes(needs), ...sharedSecretRoutes(needs), ...registrationTokensAdminRoutes(needs)],
  };
}
