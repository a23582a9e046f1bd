import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

import { invalidParam } from '@myelin/protocol/errors';

import type { HttpRequest } from './types.ts';

/** Why a request's signal aborted: its client went away, or the server stops. */
export type EndReason = 'client gone' | 'server stopping';

/** The requests that wait until something happens, to be ended when the server stops. */
export class LongPolls {
  readonly #controllers = new Set<AbortController>();
  #stopping = false;

  add(controller: AbortController): void {
    // A connection that is still open may bring one more while the server stops.
    if (this.#stopping) controller.abort('server stopping' satisfies EndReason);
    else this.#controllers.add(controller);
  }

  delete(controller: AbortController): void {
    this.#controllers.delete(controller);
  }

  /** Ends those that wait, and all that still come. */
  end(): void {
    this.#stopping = true;
    for (const controller of this.#controllers) controller.abort('server stopping' satisfies EndReason);
  }
}

/**
 * One request and its answer. Whatever not every handler asks for is made when it is asked for: a server holds thousands of
 * these while clients wait in long polls.
 */
export class Exchange implements HttpRequest {
  readonly id: string;
  readonly startedAt: number;
  readonly path: string;
  /** Who asked, for the log. */
  who = '-';
  bodyText: string | undefined;
  bodyOpener: (() => Readable) | undefined;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #rawSearch: string;
  readonly #xForwarded: boolean;
  readonly #longPolls: LongPolls;
  #search: URLSearchParams | undefined;
  #controller: AbortController | undefined;
  #stream: Readable | undefined;

  constructor(
    id: string,
    startedAt: number,
    message: IncomingMessage,
    response: ServerResponse,
    listener: { readonly xForwarded: boolean; readonly longPolls: LongPolls },
  ) {
    this.id = id;
    this.startedAt = startedAt;
    this.#message = message;
    this.#response = response;
    this.#xForwarded = listener.xForwarded;
    this.#longPolls = listener.longPolls;
    const uri = message.url ?? '/';
    const question = uri.indexOf('?');
    this.path = question < 0 ? uri : uri.slice(0, question);
    this.#rawSearch = question < 0 ? '' : uri.slice(question + 1);
  }

  get method(): string {
    return this.#message.method ?? 'GET';
  }

  get headers(): IncomingMessage['headers'] {
    return this.#message.headers;
  }

  get authorization(): string | undefined {
    return this.#message.headers.authorization;
  }

  /** Every `Authorization` header, for servers that sign with several keys. */
  get authorizations(): readonly string[] {
    return this.#message.headersDistinct['authorization'] ?? [];
  }

  /** Path and query exactly as they came: what another server signed. */
  get uri(): string {
    return this.#message.url ?? '/';
  }

  /** Path and query as the log may show them: without tokens, and without sessions of user-interactive authentication. */
  get url(): string {
    return this.uri.replace(/([?&](?:access_token|session)=)[^&]*/g, '$1<redacted>');
  }

  get userAgent(): string {
    return this.#message.headers['user-agent'] ?? '';
  }

  get ip(): string {
    // The first entry, as Synapse reads it: the proxy in front is the one that must not let strangers write it.
    const forwarded = this.#xForwarded ? this.#message.headersDistinct['x-forwarded-for']?.[0]?.split(',')[0]?.trim() : undefined;
    // An address that came through a dual-stack socket is still an IPv4 address; a Unix socket has none.
    return forwarded || (this.#message.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:(?=\d+\.)/, '');
  }

  get search(): URLSearchParams {
    return (this.#search ??= new URLSearchParams(this.#rawSearch));
  }

  get stream(): Readable {
    return (this.#stream ??= this.bodyOpener ? this.bodyOpener() : Readable.from([]));
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = new AbortController();
      this.#controller = controller;
      this.#longPolls.add(controller);
      this.#response.once('close', () => {
        this.#longPolls.delete(controller);
        if (!this.#response.writableFinished) controller.abort('client gone' satisfies EndReason);
      });
      if (this.#response.destroyed) controller.abort('client gone' satisfies EndReason);
    }
    return this.#controller.signal;
  }

  /** The query by name, names that repeat as arrays. Throws M_INVALID_PARAM for a NUL, which no parameter may hold. */
  rawQuery(): Record<string, string | string[]> {
    const query = Object.create(null) as Record<string, string | string[]>;
    if (this.#rawSearch === '') return query;
    for (const [name, value] of this.search) {
      if (value.includes('\0')) throw invalidParam(`Query parameter ${name} contains a NUL`);
      const before = query[name];
      if (before === undefined) query[name] = value;
      else if (typeof before === 'string') query[name] = [before, value];
      else before.push(value);
    }
    return query;
  }
}
