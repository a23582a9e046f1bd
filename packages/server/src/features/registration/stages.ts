import { MatrixError, missingParam } from '@myelin/protocol/errors';

import type { Config } from '../../config/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Stage } from '../user-interactive-auth/index.ts';
import { endUse, setUseAside } from './registration-tokens.store.ts';

export interface RegistrationStagesNeeds {
  readonly config: Pick<Config, 'registration_requires_token' | 'user_consent' | 'public_baseurl'>;
  readonly database: Database;
  readonly clock: Clock;
}

/** What the configuration asks of new users, in order. */
export function registrationStages(needs: RegistrationStagesNeeds): Stage[] {
  const { registration_requires_token, user_consent, public_baseurl } = needs.config;
  const stages: Stage[] = [];
  if (registration_requires_token) stages.push(tokenStage(needs));
  if (user_consent?.require_at_registration && user_consent.version !== null) {
    stages.push(termsStage(user_consent.policy_name, user_consent.version, public_baseurl));
  }
  return stages;
}

/** https://spec.matrix.org/v1.19/client-server-api/#token-authenticated-registration */
function tokenStage({ database, clock }: RegistrationStagesNeeds): Stage {
  return {
    type: 'm.login.registration_token',
    aliases: ['org.matrix.msc3231.login.registration_token'],
    form: {
      title: 'Registration token',
      text: 'To register here you need a token from whoever runs this server.',
      fields: [{ name: 'token', label: 'Token', type: 'text', autocomplete: 'off' }],
      button: 'Continue',
    },
    async check({ auth }) {
      const token = auth['token'];
      if (typeof token !== 'string') throw missingParam('token');
      if (!(await setUseAside(database, token, clock.now()))) {
        throw new MatrixError('M_UNAUTHORIZED', 'Invalid registration token');
      }
      return token;
    },
    complete: (token) => endUse(database, token as string, 'completed'),
    release: (token) => endUse(database, token as string, 'given up'),
  };
}

/** https://spec.matrix.org/v1.19/client-server-api/#terms-of-service-at-registration */
function termsStage(name: string, version: string, baseUrl: string): Stage {
  const url = `${baseUrl}_matrix/consent?v=${encodeURIComponent(version)}`;
  return {
    type: 'm.login.terms',
    params: { policies: { privacy_policy: { version, en: { name, url } } } },
    form: {
      title: 'Terms',
      text: 'Please read and accept the terms of this server.',
      links: [{ name, url }],
      fields: [],
      button: 'I accept',
    },
    check: async () => version,
  };
}
