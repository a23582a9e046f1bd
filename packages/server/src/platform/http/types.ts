import type { Readable } from 'node:stream';

import type { BodyOf, Endpoint, ParamsOf, QueryOf, ResponseOf } from '@myelin/protocol/api';
import type { DeviceId, ServerName, UserId } from '@myelin/protocol/identifiers';

/** What a listener of `homeserver.yaml` offers under `resources[].names`; a route belongs to one. */
export type Resource =
  | 'client'
  | 'federation'
  | 'keys'
  | 'media'
  | 'admin'
  | 'consent'
  | 'openid'
  | 'static'
  | 'replication'
  | 'metrics'
  | 'health'
  | 'debug';

/** A person, or an application service acting as one of its users, known by an access token. */
export interface UserRequester {
  readonly kind: 'user';
  readonly userId: UserId;
  /** The interned user id, where the authenticator knows it. */
  readonly userNid?: number;
  /** Absent for tokens that belong to no device, such as an application service's. */
  readonly deviceId?: DeviceId;
  readonly isGuest: boolean;
  readonly isAdmin: boolean;
  /** Names the session whatever happens to its token; transaction ids and log-outs hang on it. */
  readonly tokenId: string;
  readonly locked: boolean;
  readonly suspended: boolean;
  readonly shadowBanned: boolean;
  /** The application service that acts here, by the `id` of its registration. */
  readonly appservice?: { readonly id: string; readonly rateLimited: boolean };
}

/** Another homeserver, known by its signature. */
export interface ServerRequester {
  readonly kind: 'server';
  readonly origin: ServerName;
}

/** An application service speaking for itself. */
export interface AppserviceRequester {
  readonly kind: 'appservice';
  readonly id: string;
  readonly rateLimited: boolean;
  /** The user of its `sender_localpart`. */
  readonly sender: UserId;
}

/** Nobody in particular: the endpoint asks for no proof, or none was given where it is optional. */
export interface AnonymousRequester {
  readonly kind: 'anonymous';
}

export type Requester = UserRequester | ServerRequester | AppserviceRequester | AnonymousRequester;

/** The requester that a handler of this contract is given, by the contract's `auth`. */
export type RequesterOf<E extends Endpoint> = E['auth'] extends infer A
  ? A extends 'user' | 'admin'
    ? UserRequester
    : A extends 'optional'
      ? UserRequester | AnonymousRequester
      : A extends 'server'
        ? ServerRequester
        : A extends 'appservice'
          ? AppserviceRequester
          : AnonymousRequester
  : never;

/** The facts of one HTTP request that go beyond its contract. */
export interface HttpRequest {
  /** Names the request in the log and in the `X-Request-Id` header of its answer. */
  readonly id: string;
  readonly method: string;
  /** Path and query string as they came, access token redacted. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The client's address, taken from `X-Forwarded-For` on listeners that say `x_forwarded`. */
  readonly ip: string;
  readonly userAgent: string;
  /** The query string, for what no schema describes. */
  readonly search: URLSearchParams;
  /** The body where the contract says `raw`, inflated if it came compressed; empty otherwise. */
  readonly stream: Readable;
  /** The JSON body as it came, on endpoints that other servers call: for hashes of what they wrote. */
  readonly bodyText: string | undefined;
  /** Aborts when the client has gone away, and when the server stops: a long poll ends then with what it has. */
  readonly signal: AbortSignal;
}

export interface HandlerInput<E extends Endpoint> {
  readonly params: ParamsOf<E>;
  readonly query: QueryOf<E>;
  readonly body: BodyOf<E>;
  readonly requester: RequesterOf<E>;
  readonly request: HttpRequest;
}

const ANSWER = Symbol('answer');
const RAW_JSON = Symbol('raw JSON');

/** An answer that is not "200 with a JSON value"; made by `answer()`. */
export interface Answer {
  readonly [ANSWER]: true;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** JSON that is text already; made by `rawJson()`. */
export interface RawJson {
  readonly [RAW_JSON]: true;
  readonly parts: readonly string[];
}

/**
 * An answer with its own status or headers. A `Uint8Array` or a stream is sent as it is, a string too where `headers` names a
 * `content-type` that is not JSON; `rawJson()` and every other value are sent as JSON. No body at all: leave it undefined.
 */
export function answer(reply: { status?: number; headers?: Readonly<Record<string, string>>; body?: unknown }): Answer {
  return { [ANSWER]: true, status: reply.status ?? 200, headers: reply.headers ?? {}, body: reply.body };
}

/** JSON that is text already, whole or in parts that make one JSON value when joined: sync answers from cached strings. */
export function rawJson(parts: string | readonly string[]): RawJson {
  return { [RAW_JSON]: true, parts: typeof parts === 'string' ? [parts] : parts };
}

/** Whether a handler's value came from `answer()`. */
export function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && ANSWER in value;
}

/** Whether a value came from `rawJson()`. */
export function isRawJson(value: unknown): value is RawJson {
  return typeof value === 'object' && value !== null && RAW_JSON in value;
}

export type HandlerResult<E extends Endpoint> = ResponseOf<E> | Answer | RawJson;

export type Handler<E extends Endpoint> = (input: HandlerInput<E>) => HandlerResult<E> | Promise<HandlerResult<E>>;

/** A contract with what answers it. Plain data: features return lists of these. */
export interface Route {
  readonly contract: Endpoint;
  readonly resource: Resource;
  readonly handler: (input: never) => unknown;
  /** Largest body in bytes, where it is not the listener's general limit (media uploads). */
  readonly maxBodyBytes?: number;
}

export interface RouteOptions {
  /** By default told from the path: `/_matrix/federation` → `federation`, `/_synapse/admin` → `admin` … */
  readonly resource?: Resource;
  readonly maxBodyBytes?: number;
}

/** Binds a contract to the function that answers it. */
export function route<const E extends Endpoint>(contract: E, handler: Handler<E>, options: RouteOptions = {}): Route {
  return { contract, handler, resource: options.resource ?? resourceOf(contract.path), ...limitOf(options) };
}

function limitOf(options: RouteOptions): { maxBodyBytes?: number } {
  return options.maxBodyBytes === undefined ? {} : { maxBodyBytes: options.maxBodyBytes };
}

// The first that fits, so the longer prefix stands before the shorter.
const RESOURCES_BY_PREFIX: readonly (readonly [prefix: string, resource: Resource])[] = [
  ['/_matrix/key', 'keys'],
  ['/_matrix/federation/v1/openid', 'openid'],
  ['/_matrix/federation/v1/media', 'media'],
  ['/_matrix/federation', 'federation'],
  ['/_matrix/client/v1/media', 'media'],
  ['/_matrix/media', 'media'],
  ['/_synapse/admin/v1/media', 'admin'],
  ['/_synapse/admin', 'admin'],
  ['/_synapse/metrics', 'metrics'],
  ['/_matrix/consent', 'consent'],
  ['/_matrix/static', 'static'],
  ['/health', 'health'],
  ['/_debug', 'debug'],
];

function resourceOf(path: string): Resource {
  return RESOURCES_BY_PREFIX.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'client';
}

/** What an authenticator is told about the request beside the token. */
export interface Caller {
  readonly ip: string;
  readonly userAgent: string;
  /** An application service says here whom it acts as; https://spec.matrix.org/v1.19/application-service-api/#identity-assertion */
  readonly assertedUserId?: string;
  readonly assertedDeviceId?: string;
}

/** Finds the user behind an access token. */
export interface UserAuthenticator {
  /**
   * Undefined when nobody has that token: the client hears M_UNKNOWN_TOKEN. Throws a MatrixError where it must hear something
   * else (`soft_logout`, an application service asserting a user that is not its own). Answers at once when it can: a promise
   * costs each request a turn of the event loop.
   */
  authenticate(token: string, caller: Caller): UserRequester | undefined | Promise<UserRequester | undefined>;
}

/** Finds the application service behind its own token. */
export interface AppserviceAuthenticator {
  authenticate(token: string, caller: Caller): AppserviceRequester | undefined | Promise<AppserviceRequester | undefined>;
}

/** Checks the signature of another homeserver; https://spec.matrix.org/v1.19/server-server-api/#request-authentication */
export interface ServerAuthenticator {
  /** `uri` is path and query as signed; `content` the parsed body. Throws a MatrixError when the request is not proven. */
  authenticate(request: {
    readonly method: string;
    readonly uri: string;
    readonly authorization: readonly string[];
    readonly content: unknown;
    /** The body as it came: a signature covers its numbers as they were written. */
    readonly contentText?: string;
    readonly ip: string;
  }): Promise<ServerRequester>;
}

/** Who proves requests; app plugs them in. An endpoint whose kind is missing here cannot be bound. */
export interface Authenticators {
  readonly user?: UserAuthenticator;
  readonly appservice?: AppserviceAuthenticator;
  readonly server?: ServerAuthenticator;
}

/** A limiter as the HTTP server uses it: throws M_LIMIT_EXCEEDED when this key has had its share. */
export interface RequestLimiter {
  limit(key: string): void;
}
