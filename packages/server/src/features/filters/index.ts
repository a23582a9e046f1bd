import type { Feature } from '../feature.ts';
import { filterRoutes } from './filters.routes.ts';
import { Filters, type FiltersNeeds } from './filters.ts';

export { Filters } from './filters.ts';

/** Filters that clients store and name in `/sync`. */
export function filtersFeature(needs: FiltersNeeds): Feature & { readonly filters: Filters } {
  const filters = new Filters(needs);
  return { name: 'filters', filters, routes: filterRoutes(filters) };
}
