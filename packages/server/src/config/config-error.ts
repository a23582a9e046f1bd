/** The configuration cannot be used. The message is for the operator: one sentence a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
