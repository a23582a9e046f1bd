export { AuthEdges } from './auth-edges.ts';
export { authFacts } from './auth-facts.ts';
export { StateResolver, type ResolveTools } from './resolve-states.ts';
