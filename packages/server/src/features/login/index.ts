import type { Feature } from '../feature.ts';
import { loginRoutes, type LoginRoutesNeeds } from './login.routes.ts';

export { passwordLogin } from './login-methods.ts';
export type { LoginBody, LoginMethod } from './login-methods.ts';
export { openLoginTokens } from './login-tokens.ts';
export type { LoginTokens } from './login-tokens.ts';
export { tokensAnswer, wantedSession } from './login.routes.ts';
export { openSessions } from './sessions.ts';
export type { IssuedTokens, NewSession, Sessions } from './sessions.ts';

/** Logging in and out. */
export function loginFeature(needs: LoginRoutesNeeds): Feature {
  return { name: 'login', routes: loginRoutes(needs), jobs: [needs.loginTokens.job] };
}
