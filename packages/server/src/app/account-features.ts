import { accountFeature, openAccounts, openPasswords, passwordStage, type ManagedAccounts } from '../features/account/index.ts';
import { openDevices, type Devices } from '../features/devices/index.ts';
import type { Feature } from '../features/feature.ts';
import { loginFeature, openSessions, passwordLogin } from '../features/login/index.ts';
import { registrationFeature, type RegistrationHooks } from '../features/registration/index.ts';
import {
  dummyStage,
  openUserInteractiveAuth,
  userInteractiveAuthFeature,
  type UserInteractiveAuth,
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
  const registrationHooks: RegistrationHooks = { onRegistered: [] };
  const registrationStages = [] as const;
  return {
    features: [
      accountFeature(needs),
      loginFeature({
        ...needs,
        sessions,
        methods: [passwordLogin(passwords, passwords.enabled && config.password_config.enabled === true)],
        byAddress: limiter('rc_login.address'),
        byAccount: limiter('rc_login.account'),
      }),
      registrationFeature({
        ...needs,
        accounts,
        passwords,
        sessions,
        userInteractiveAuth,
        hooks: registrationHooks,
        stages: registrationStages,
        byAddress: limiter('rc_registration'),
        availabilityByAddress: createLimiter(availabilityRate, { clock }),
      }),
      userInteractiveAuthFeature({
        ...needs,
        stages: [passwordStage(passwords), ...registrationStages, dummyStage],
      }),
    ],
    authenticators: { user: sessions.authenticator },
    accounts,
    devices,
    userInteractiveAuth,
    registrationHooks,
  };
}
