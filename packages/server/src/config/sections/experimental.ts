import { anything, mapOf, option, section } from '../schema/index.ts';

export const experimental = section('Experimental features', {
  experimental_features: option(
    mapOf(anything),
    'Features that are not in the specification yet, by the number of their proposal.',
    { default: {} },
  ),
});
