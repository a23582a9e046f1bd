import type { IncomingMessage } from 'node:http';

import { type Endpoint, decodeQuery } from '@myelin/protocol/api';
import { maxJsonDepth } from '@myelin/protocol/canonical-json';
import { notJson } from '@myelin/protocol/errors';

import { ANONYMOUS, authenticateByToken, requireAuthenticator } from './authenticate.ts';
import { createCheck } from './check-input.ts';
import type { Exchange } from './exchange.ts';
import { openBody, readJsonText } from './read-body.ts';
import type { Authenticators, RequestLimiter, Requester, Route } from './types.ts';

/** What binding needs beside the route. */
export interface BindNeeds {
  readonly authenticators: Authenticators;
  /** By the names that contracts use: `rc_message`, `rc_joins.local`. */
  readonly limiters: Readonly<Record<string, RequestLimiter>>;
  readonly settings: {
    readonly maxBodyBytes: number;
    readonly maxJsonDepth: number;
    readonly accessTokenInQuery: boolean;
  };
}

/** A route that is ready to answer: runs the whole contract, then the handler. Throws what the client must hear. */
export type BoundRoute = (
  exchange: Exchange,
  message: IncomingMessage,
  params: Readonly<Record<string, string>>,
) => Promise<unknown>;

/**
 * Servers pass on what their users have made, many events at once: one that nests deeper than we let our own users go must not keep the
 * others out. What is signed is put into some more objects, which may not be too deep either.
 */
const serversJsonDepth = maxJsonDepth - 10;

/**
 * Binds a contract to its handler: parse, authenticate, limit, check, call, in that order, so that nobody unknown makes us read
 * a body and nobody over the limit makes us check one. Throws an Error when the contract names what is not there.
 */
export function bindEndpoint(route: Route, needs: BindNeeds): BoundRoute {
  const { contract } = route;
  const { settings, authenticators } = needs;
  requireAuthenticator(contract, authenticators);
  const limiter = limiterOf(contract, needs.limiters);
  const maxDepth = contract.auth === 'server' ? Math.max(settings.maxJsonDepth, serversJsonDepth) : settings.maxJsonDepth;
  const limits = { maxBytes: route.maxBodyBytes ?? settings.maxBodyBytes, maxDepth };
  const checkParams = contract.params && createCheck(contract.params, 'path');
  const readQuery = queryReaderOf(contract);
  const checkBody = contract.body && contract.body !== 'raw' ? createCheck(contract.body, 'body') : undefined;
  const handler = route.handler as (input: unknown) => unknown;

  const readBody = async (exchange: Exchange, message: IncomingMessage): Promise<unknown> => {
    if (!checkBody) return undefined;
    const body = await readJsonText(message, limits);
    if (body !== undefined) {
      // Numbers that a server has signed or hashed as `1.0` are not what JavaScript writes.
      if (contract.auth === 'server') exchange.bodyText = body.text;
      return body.value;
    }
    if (!contract.bodyOptional) throw notJson('The request has no body');
    return {};
  };

  return async (exchange, message, params) => {
    let requester: Requester = ANONYMOUS;
    let body: unknown;
    if (contract.auth === 'server') {
      // A server's signature covers the body, so it must be read before anyone is known.
      body = await readBody(exchange, message);
      requester = await authenticateServer(exchange, body, authenticators);
    } else if (contract.auth !== 'none') {
      requester = await authenticateByToken(contract, exchange, authenticators, settings);
    }
    exchange.who = nameOf(requester);
    if (limiter && !isExempt(requester)) limiter.limit(limitKeyOf(requester, exchange));
    checkParams?.(params);
    const query = readQuery(exchange);
    if (contract.auth !== 'server') body = await readBody(exchange, message);
    checkBody?.(body);
    if (contract.body === 'raw') exchange.bodyOpener = () => openBody(message, limits.maxBytes);
    return handler({ params, query, body, requester, request: exchange });
  };
}

function queryReaderOf(contract: Endpoint): (exchange: Exchange) => unknown {
  const schema = contract.query;
  if (!schema) return (exchange) => exchange.rawQuery();
  const check = createCheck(schema, 'query');
  return (exchange) => {
    const query = decodeQuery(schema, exchange.rawQuery());
    check(query);
    return query;
  };
}

async function authenticateServer(exchange: Exchange, content: unknown, authenticators: Authenticators): Promise<Requester> {
  if (!authenticators.server) throw new Error('No server authenticator is plugged in');
  return authenticators.server.authenticate({
    method: exchange.method,
    uri: exchange.uri,
    authorization: exchange.authorizations,
    content,
    ...(exchange.bodyText === undefined ? {} : { contentText: exchange.bodyText }),
    ip: exchange.ip,
  });
}

function limiterOf(contract: Endpoint, limiters: BindNeeds['limiters']): RequestLimiter | undefined {
  if (contract.rateLimit === undefined) return undefined;
  const limiter = limiters[contract.rateLimit];
  if (!limiter) throw new Error(`The endpoint ${contract.id} names the limiter ${contract.rateLimit}, which does not exist`);
  return limiter;
}

function isExempt(requester: Requester): boolean {
  if (requester.kind === 'user') return requester.appservice?.rateLimited === false;
  return requester.kind === 'appservice' && !requester.rateLimited;
}

function limitKeyOf(requester: Requester, exchange: Exchange): string {
  return requester.kind === 'anonymous' ? exchange.ip : nameOf(requester);
}

function nameOf(requester: Requester): string {
  if (requester.kind === 'user') return requester.userId;
  if (requester.kind === 'server') return requester.origin;
  return requester.kind === 'appservice' ? requester.id : '-';
}
