import { encodeLenientCanonicalJson } from '@myelin/protocol/canonical-json';
import { invalidParam, notFound } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import { compileFilter, filterJson, parseFilter, type CompiledFilter, type Filter } from '@myelin/protocol/filters';

import { ByteCache, stringBytes, type CacheBudget } from '../../platform/cache/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { findFilter, putFilter } from './filters.store.ts';

export interface FiltersNeeds {
  readonly database: Database;
  readonly caches: CacheBudget;
}

const noFilter = compileFilter();
/** A compiled filter takes about this much of its text's size. */
const compiledSize = 4;

/** Filters as clients name them: by the id of a stored one, or written out. Compiled ones are kept. */
export class Filters {
  readonly #database: Database;
  readonly #compiled: ByteCache<string, CompiledFilter>;

  constructor({ database, caches }: FiltersNeeds) {
    this.#database = database;
    this.#compiled = new ByteCache({ budget: caches, cost: (_filter, key) => 2_000 + compiledSize * stringBytes(key) });
  }

  /** Stores a filter and gives its id. Throws M_BAD_JSON for one that is none. */
  async store(userNid: number, body: unknown): Promise<string> {
    const filter = parseFilter(body);
    return String(await putFilter(this.#database, userNid, encodeLenientCanonicalJson(filter)));
  }

  /** A filter as it was stored. Throws M_NOT_FOUND. */
  async stored(userNid: number, filterId: string): Promise<JsonObject> {
    const text = idGrammar.test(filterId) ? await findFilter(this.#database, userNid, Number(filterId)) : undefined;
    if (text === undefined) throw notFound('There is no such filter');
    return JSON.parse(text) as JsonObject;
  }

  /**
   * The filter that a `filter` parameter means: JSON if it begins with `{`, else the id of a stored one.
   * Throws M_INVALID_PARAM for an id that nobody stored, M_BAD_JSON for a filter that is none.
   * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync (`filter`)
   */
  async named(userNid: number, parameter: string | undefined): Promise<CompiledFilter> {
    if (parameter === undefined || parameter === '') return noFilter;
    const key = parameter.startsWith('{') ? parameter : `${userNid} ${parameter}`;
    const known = this.#compiled.get(key);
    if (known) return known;
    const compiled = compileFilter(await this.#read(userNid, parameter));
    this.#compiled.set(key, compiled);
    return compiled;
  }

  async #read(userNid: number, parameter: string): Promise<Filter> {
    if (parameter.startsWith('{')) return parseFilter(filterJson(parameter));
    const text = idGrammar.test(parameter) ? await findFilter(this.#database, userNid, Number(parameter)) : undefined;
    if (text === undefined) throw invalidParam(`You have stored no filter ${parameter.slice(0, 100)}`);
    return parseFilter(JSON.parse(text));
  }
}

const idGrammar = /^\d{1,9}$/;
