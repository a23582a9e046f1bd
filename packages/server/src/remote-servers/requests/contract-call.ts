import type { BodyOf, Endpoint, ParamsOf, QueryOf } from '@myelin/protocol/api';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

/** What a contract is called with. A path parameter that is missing is an Error: a mistake of ours. */
export interface CallInput<E extends Endpoint> {
  readonly params?: ParamsOf<E>;
  readonly query?: QueryOf<E>;
  readonly body?: BodyOf<E>;
}

/** A request without a contract. */
export interface PlainCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path and query, percent-encoded. */
  readonly path: string;
  readonly body?: unknown;
}

/** The request that calls a contract. */
export function plainCall(
  contract: Endpoint,
  call: { readonly params?: unknown; readonly query?: unknown; readonly body?: unknown },
): PlainCall {
  const params = (call.params ?? {}) as Readonly<Record<string, string>>;
  const path = contract.path.replace(/:([A-Za-z]+)/g, (_all, name: string) => {
    const value = params[name];
    if (value === undefined) throw new Error(`${contract.id} was called without ${name}`);
    return encodeURIComponent(value);
  });
  const search = searchOf((call.query ?? {}) as Readonly<Record<string, unknown>>);
  return { method: contract.method, path: path + search, ...(call.body === undefined ? {} : { body: call.body }) };
}

type Scalar = string | number | boolean;

function searchOf(query: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar | undefined])
      .filter((item) => item !== undefined)
      .map((item) => `${encodeURIComponent(name)}=${encodeURIComponent(String(item))}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

const checks = new WeakMap<TSchema, ReturnType<typeof Compile>>();

/** What is wrong with an answer by its contract, in a few words; undefined where nothing is. */
export function answerFault(schema: TSchema | undefined, value: unknown): string | undefined {
  if (schema === undefined) return undefined;
  let check = checks.get(schema);
  if (!check) checks.set(schema, (check = Compile(schema)));
  if (check.Check(value)) return undefined;
  const [error] = check.Errors(value);
  return `${error?.instancePath === '' ? 'the answer' : (error?.instancePath ?? 'the answer')} ${error?.message ?? 'does not fit'}`;
}
