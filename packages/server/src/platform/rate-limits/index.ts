export { createLimiter, createLimiters } from './limiter.ts';
export type { Limiter, LimiterOptions, Rate } from './limiter.ts';
