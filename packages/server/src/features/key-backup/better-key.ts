/** What is told of a backed-up key in the clear. */
export interface KeyStanding {
  /** The first message that it decrypts. */
  readonly firstMessageIndex: number;
  /** Through how many devices it has come. */
  readonly forwardedCount: number;
  /** Whether it came from a device that the uploader had verified. */
  readonly isVerified: boolean;
}

/**
 * Whether a key that is uploaded takes the place of the one there is: a verified one does, then one that decrypts more, then one that
 * was passed on less often. An equal one does not.
 * https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
 */
export function isBetterKey(uploaded: KeyStanding, kept: KeyStanding): boolean {
  if (uploaded.isVerified !== kept.isVerified) return uploaded.isVerified;
  if (uploaded.firstMessageIndex !== kept.firstMessageIndex) return uploaded.firstMessageIndex < kept.firstMessageIndex;
  return uploaded.forwardedCount < kept.forwardedCount;
}
