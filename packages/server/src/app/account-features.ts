import {
  accountFeature,
  type AccountHooks,
  type Confirmation,
  createConfirmation,
  createDeactivation,
  type Deactivation,
  type ManagedAccounts,
  openAccounts,
  openPasswords,
  passwordStage,
} from '../features/account/index.ts';
import { type Devices, devicesFeature, openDevices } from '../features/devices/index.ts';
import type { Feature } from '../features/feature.ts';
import { loginFeature, openLoginTokens, openSessions, passwordLogin } from '../features/login/index.ts';
import { registrationFeature, type RegistrationHooks, registrationStages } from '../features/registration/index.ts';
import {
  dummyStage,
  openUserInteractiveAuth,
  type UserInteractiveAuth,
  userInteractiveAuthFeature,
} from '../features/user-interactive-auth/index.ts';
import type { Authenticators } from '../platform/http/index.ts';
import { createLimiter, type Limiter } from '../platform/rate-limits/index.ts';
import type { AppNeeds } from './needs.ts';

/** People and how they are known, for all other features. */
export interface AccountFeatures {
  readonly features: readonly Feature[];
  readonly authenticators: Pick<Authenticators, 'user'>;
  readonly accounts: ManagedAccounts;
  readonly devices: Devices;
  readonly userInteractiveAuth: UserInteractiveAuth;
  /** How users confirm what is dangerous. */
  readonly confirmation: Confirmation;
  readonly deactivation: Deactivation;
  /** Other features add here what they do for users who are gone. */
  readonly accountHooks: AccountHooks;
  /** Other features add here what they do for new users. */
  readonly registrationHooks: RegistrationHooks;
}

/** How often one address may ask whether a name is free: as fast as somebody types one. */
const availabilityRate = { perSecond: 2, burstCount: 20 };

/** Builds accounts, devices, login, registration and user-interactive authentication. */
export function buildAccountFeatures(needs: AppNeeds): AccountFeatures {
  const { config, clock } = needs;
  const limiter = (name: string): Limiter => {
    const found = needs.limiters[name];
    if (!found) throw new Error(`there is no limiter ${name}`);
    return found;
  };
  const accounts = openAccounts(needs);
  const passwords = openPasswords({ ...needs, accounts, failedAttempts: limiter('rc_login.failed_attempts') });
  const devices = openDevices(needs);
  const sessions = openSessions({ ...needs, accounts, devices });
  const userInteractiveAuth = openUserInteractiveAuth({
    ...needs,
    reuseMs: config.ui_auth.session_timeout,
    earlierProofs: sessions,
  });
  const confirmation = createConfirmation(passwords);
  const accountHooks: AccountHooks = { onDeactivated: [] };
  const deactivation = createDeactivation({ ...needs, accounts, sessions, hooks: accountHooks });
  const registrationHooks: RegistrationHooks = { onRegistered: [] };
  const stages = registrationStages(needs);
  const loginViaSession = config.login_via_existing_session.enabled;
  const loginTokens = openLoginTokens(needs, loginViaSession ? { get_login_token: true } : undefined);
  const shared = { ...needs, accounts, passwords, devices, sessions, userInteractiveAuth, confirmation };
  return {
    features: [
      accountFeature({ ...shared, deactivation }),
      devicesFeature(shared),
      loginFeature({
        ...shared,
        loginTokens,
        methods: [passwordLogin(passwords, passwords.enabled && config.password_config.enabled === true), loginTokens.method],
        byAddress: limiter('rc_login.address'),
        byAccount: limiter('rc_login.account'),
      }),
      registrationFeature({
        ...shared,
        hooks: registrationHooks,
        stages,
        sharedSecret: config.registration_shared_secret,
        byAddress: limiter('rc_registration'),
        availabilityByAddress: createLimiter(availabilityRate, { clock }),
      }),
      userInteractiveAuthFeature({ ...needs, stages: [passwordStage(passwords), ...stages, dummyStage] }),
    ],
    authenticators: { user: sessions.authenticator },
    accounts,
    devices,
    userInteractiveAuth,
    confirmation,
    deactivation,
    accountHooks,
    registrationHooks,
  };
}
