import { isIP } from 'node:net';

import type { OutgoingTarget } from './connector.ts';
import type { OutgoingAnswer, OutgoingRequest, UrlAnswer, UrlRequest } from './outgoing-client.ts';
import { OutgoingError } from './outgoing-error.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

type Send = (target: OutgoingTarget, request: OutgoingRequest) => Promise<OutgoingAnswer>;

/** Sends to a URL and follows where the answer leads, each step within what is left of the time. */
export async function followRedirects(start: string, request: UrlRequest, send: Send): Promise<UrlAnswer> {
  const { maxRedirects, allowPlain = false, verifiesCertificateOf = () => true, ...rest } = request;
  let url = parse(start, allowPlain);
  let method = request.method ?? 'GET';
  let body = request.body;
  for (let step = 0; ; step++) {
    const { body: _first, ...plain } = rest;
    const answer = await send(targetOf(url, verifiesCertificateOf), {
      ...plain,
      method,
      path: url.pathname + url.search,
      ...(body === undefined ? {} : { body }),
    });
    const location = answer.headers.location;
    if (maxRedirects === 0 || !REDIRECTS.has(answer.status) || location === undefined) return { ...answer, url: url.href };
    if (step >= maxRedirects) throw new OutgoingError('redirect', `${start} leads on more than ${maxRedirects} times`);
    if (answer.status === 303) [method, body] = ['GET', undefined];
    url = parse(location, allowPlain, url);
  }
}

function parse(text: string, allowPlain: boolean, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  const fits =
    url && (url.protocol === 'https:' || (allowPlain && url.protocol === 'http:')) && url.username === '' && url.password === '';
  if (!fits) throw new OutgoingError('redirect', `${text} is no address that requests may go to`);
  return url;
}

function targetOf(url: URL, verifiesCertificateOf: (host: string) => boolean): OutgoingTarget {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    secure,
    host,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    hostHeader: url.host,
    verifyCertificate: verifiesCertificateOf(host),
    ...(isIP(host) === 0 ? { certificateName: host } : {}),
  };
}
