/** What a rule says: allowed, or rejected with the reason as a sentence that names what was found. */
export type Verdict = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

/** The verdict that lets an event through. */
export const allow: Verdict = { allowed: true };

/** The verdict that keeps an event out, and why. */
export function reject(reason: string): Verdict {
  return { allowed: false, reason };
}
