import type { Feature } from '../features/feature.ts';
import type { Authenticators } from '../platform/http/index.ts';
import type { AppNeeds } from './needs.ts';

/** What the features make together. */
export interface Features {
  readonly features: readonly Feature[];
  readonly authenticators: Authenticators;
}

/** All features, in the order in which they are built: the table of contents of the server. */
export async function buildFeatures(_needs: AppNeeds): Promise<Features> {
  return { features: [], authenticators: {} };
}
