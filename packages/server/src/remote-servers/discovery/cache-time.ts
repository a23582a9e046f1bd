import type { IncomingHttpHeaders } from 'node:http';

/** Bounds of how long an answer is remembered, all in milliseconds. */
export interface CacheBounds {
  /** Where the answer says nothing. */
  readonly byDefault: number;
  readonly least: number;
  readonly most: number;
}

/**
 * How long an answer may be kept by its headers, in milliseconds: `Cache-Control` first, then `Expires`.
 * https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1
 * @param now milliseconds since 1970
 */
export function cacheTime(headers: IncomingHttpHeaders, now: number, bounds: CacheBounds): number {
  return Math.min(bounds.most, Math.max(bounds.least, freshness(headers, now) ?? bounds.byDefault));
}

function freshness(headers: IncomingHttpHeaders, now: number): number | undefined {
  const control = (headers['cache-control'] ?? '').toLowerCase();
  if (/(?:^|[\s,])(?:no-store|no-cache)(?:$|[\s,=])/.test(control)) return 0;
  const seconds = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,10})/.exec(control)?.[1];
  if (seconds !== undefined) {
    // What a cache on the way has kept it for already.
    const age = /^\d{1,10}$/.test(headers.age ?? '') ? Number(headers.age) : 0;
    return Math.max(0, Number(seconds) - age) * 1000;
  }
  if (headers.expires === undefined) return undefined;
  const expires = Date.parse(headers.expires);
  // `Expires: 0` and other nonsense mean "in the past".
  return Number.isNaN(expires) ? 0 : Math.max(0, expires - now);
}
