import { invalidParam, MatrixError } from '@myelin/protocol/errors';

import type { Config } from '../../config/index.ts';

export type PasswordPolicy = Config['password_config']['policy'];

/** Longer ones are refused with or without a policy: hashing must not be given a book to read. */
const longestPassword = 512;

/**
 * Throws M_INVALID_PARAM or one of the M_PASSWORD_… codes where a new password may not be used;
 * https://github.com/matrix-org/matrix-spec-proposals/pull/2000.
 */
export function checkNewPassword(password: string, policy: PasswordPolicy): void {
  if (password.length > longestPassword) throw invalidParam(`The password must not be longer than ${longestPassword} characters`);
  if (password === '') throw invalidParam('The password is empty');
  if (!policy.enabled) return;
  if (password.length < policy.minimum_length) {
    throw new MatrixError('M_PASSWORD_TOO_SHORT', `The password must be at least ${policy.minimum_length} characters long`);
  }
  if (policy.require_digit && !/\p{Nd}/u.test(password)) {
    throw new MatrixError('M_PASSWORD_NO_DIGIT', 'The password must include at least one digit');
  }
  if (policy.require_symbol && !/[^\p{L}\p{N}]/u.test(password)) {
    throw new MatrixError('M_PASSWORD_NO_SYMBOL', 'The password must include at least one symbol');
  }
  if (policy.require_lowercase && !/\p{Ll}/u.test(password)) {
    throw new MatrixError('M_PASSWORD_NO_LOWERCASE', 'The password must include at least one lowercase letter');
  }
  if (policy.require_uppercase && !/\p{Lu}/u.test(password)) {
    throw new MatrixError('M_PASSWORD_NO_UPPERCASE', 'The password must include at least one uppercase letter');
  }
}

/** What `GET /password_policy` tells. */
export function describePolicy(policy: PasswordPolicy): Record<string, number | boolean> {
  if (!policy.enabled) return {};
  return {
    ...(policy.minimum_length > 0 && { 'm.minimum_length': policy.minimum_length }),
    ...(policy.require_digit && { 'm.require_digit': true }),
    ...(policy.require_symbol && { 'm.require_symbol': true }),
    ...(policy.require_lowercase && { 'm.require_lowercase': true }),
    ...(policy.require_uppercase && { 'm.require_uppercase': true }),
  };
}
