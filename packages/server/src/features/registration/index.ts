import type { Feature } from '../feature.ts';
import { registrationRoutes, type RegistrationRoutesNeeds } from './registration.routes.ts';

export type { RegistrationHooks } from './register-account.ts';

/** Signing up. */
export function registrationFeature(needs: RegistrationRoutesNeeds): Feature {
  return { name: 'registration', routes: registrationRoutes(needs) };
}
