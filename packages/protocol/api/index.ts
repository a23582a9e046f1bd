export { type ClientPathAge, clientPaths } from './client-paths.ts';
export {
  type Auth,
  type BodyOf,
  type Endpoint,
  endpoint,
  type Method,
  type ParamsOf,
  type PathNames,
  pathNames,
  type QueryOf,
  type ResponseOf,
} from './endpoint.ts';
export { decodeQuery, type RawQuery } from './query.ts';
export * as schemas from './schemas.ts';
