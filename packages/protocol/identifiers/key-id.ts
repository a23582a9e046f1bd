import type { KeyId } from './types.ts';

export interface KeyIdParts {
  readonly algorithm: string;
  readonly name: string;
}

/**
 * `algorithm:name` taken apart, or undefined where the text is none. Names of server keys are `[a-zA-Z0-9_]`; those of devices and of
 * cross-signing keys are not limited; https://spec.matrix.org/v1.19/client-server-api/#key-algorithms
 */
export function parseKeyId(text: string): KeyIdParts | undefined {
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1) return undefined;
  return { algorithm: text.slice(0, colon), name: text.slice(colon + 1) };
}

/** Whether the text names the signing key of a server, `ed25519:a_name`; https://spec.matrix.org/v1.19/server-server-api/#publishing-keys */
export function isServerKeyId(text: string): text is KeyId {
  return /^ed25519:[A-Za-z0-9_]+$/.test(text);
}
