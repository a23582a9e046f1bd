export type { BackoffSettings, Health } from './backoff.ts';
export { createDestinationHealth, type DestinationHealth } from './destination-health.ts';
