export { createHttpServer } from './http-server.ts';
export type { HttpServer, HttpServerNeeds, HttpSettings } from './http-server.ts';
export type { ListenAddress, Listener, TlsCertificate } from './listeners.ts';
export { healthRoute } from './health.ts';
export type { BoundAddress } from './sockets.ts';
export { jsonArray, jsonObject, jsonObjectText } from './json-text.ts';
export { answer, rawJson, route } from './types.ts';
export type {
  Answer,
  AnonymousRequester,
  AppserviceAuthenticator,
  AppserviceRequester,
  Authenticators,
  Caller,
  Handler,
  HandlerInput,
  HandlerResult,
  HttpRequest,
  RawJson,
  RequestLimiter,
  Requester,
  RequesterOf,
  Resource,
  Route,
  RouteOptions,
  ServerAuthenticator,
  ServerRequester,
  UserAuthenticator,
  UserRequester,
} from './types.ts';
