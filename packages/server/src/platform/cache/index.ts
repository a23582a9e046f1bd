export { ByteCache, CacheBudget, stringBytes, type ByteCacheOptions } from './byte-cache.ts';
