import type { Static, TSchema } from 'typebox';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/**
 * Who may call: `none` nobody is asked; `optional` a token is honoured where there is one; `user` a user's access token (guests
 * only where `guests` says so); `admin` a server administrator; `server` another homeserver's signature; `appservice` an
 * application service's own token.
 */
export type Auth = 'none' | 'optional' | 'user' | 'admin' | 'server' | 'appservice';

/**
 * An endpoint as one piece of data: the server binds it, clients of ours call it, a script compares it with the spec.
 * `id` is the spec's operationId where the spec has one.
 */
export interface Endpoint<
  Params extends TSchema = TSchema,
  Query extends TSchema = TSchema,
  Body extends TSchema = TSchema,
  Response extends TSchema = TSchema,
> {
  readonly id: string;
  readonly method: Method;
  /** The newest path; `:name` are parameters. */
  readonly path: string;
  /** Older paths that mean the same (`/_matrix/client/r0/…`, unstable ones). `clientPaths()` makes the usual set. */
  readonly aliases?: readonly string[];
  readonly auth: Auth;
  /** Guests may call it; https://spec.matrix.org/v1.19/client-server-api/#guest-access */
  readonly guests?: boolean;
  /** A locked user may call it (log out); https://spec.matrix.org/v1.19/client-server-api/#account-locking */
  readonly lockedUsers?: boolean;
  /** A suspended user may not call it; https://spec.matrix.org/v1.19/client-server-api/#account-suspension */
  readonly refusedWhenSuspended?: boolean;
  /** Which of the configured limiters counts each call, by the name of its option (`rc_message`); absent: none. */
  readonly rateLimit?: string;
  readonly params?: Params;
  readonly query?: Query;
  /** `raw` leaves the body as a stream (media); absent: no body is read. */
  readonly body?: Body | 'raw';
  /** An absent or empty body counts as `{}`. */
  readonly bodyOptional?: boolean;
  readonly response?: Response;
}

export type ParamsOf<E> = E extends { readonly params: infer P extends TSchema } ? Static<P> : object;
export type QueryOf<E> = E extends { readonly query: infer Q extends TSchema } ? Static<Q> : object;
/** `undefined` where no body is read, and where it is left as a stream. */
export type BodyOf<E> = E extends { readonly body: infer B extends TSchema } ? Static<B> : undefined;
/** `unknown` where the contract does not say, such as for a stream of bytes. */
export type ResponseOf<E> = E extends { readonly response: infer R extends TSchema } ? Static<R> : unknown;

/** `/rooms/:roomId/event/:eventId` → `'roomId' | 'eventId'`. */
export type PathNames<Path extends string> = Path extends `${string}:${infer Rest}`
  ? Rest extends `${infer Name}/${infer Tail}`
    ? Name | PathNames<Tail>
    : Rest
  : never;

/** A contract whose parameters carry the names in its path. */
type Named<E> = E extends { readonly path: infer Path extends string }
  ? [PathNames<Path>] extends [never]
    ? unknown
    : { readonly params: TSchema & { readonly properties: Readonly<Record<PathNames<Path>, TSchema>> } }
  : unknown;

/**
 * Declares an endpoint and keeps the types of its schemas, so that handlers and callers infer theirs.
 * Throws while its module loads if the path or an alias names other parameters than `params` does: such a contract could
 * never be bound.
 */
export function endpoint<const E extends Endpoint>(declared: E & Named<E>): E {
  const expected = parameterKeys(declared.params);
  const required = requiredKeys(declared.params);
  for (const path of [declared.path, ...(declared.aliases ?? [])]) {
    const found = pathNames(path);
    // An older path may leave out what is optional: `/state/m.room.name` means the empty state key.
    const needed = path === declared.path ? expected : required;
    const missing = needed.filter((name) => !found.includes(name));
    const unexpected = found.filter((name) => !expected.includes(name));
    if (missing.length > 0 || unexpected.length > 0 || found.length !== new Set(found).size) {
      throw new Error(
        `Endpoint ${declared.id}: the path ${path} has the parameters [${found.join(', ')}], its schema [${expected.join(', ')}]`,
      );
    }
  }
  return declared;
}

/** The names of a path's parameters, in order. */
export function pathNames(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part.startsWith(':'))
    .map((part) => part.slice(1));
}

function parameterKeys(params: TSchema | undefined): string[] {
  if (params === undefined || !('properties' in params)) return [];
  return Object.keys(params.properties as object);
}

function requiredKeys(params: TSchema | undefined): readonly string[] {
  if (params === undefined || !('required' in params)) return [];
  return params.required as readonly string[];
}
