export { Completions } from './completions.ts';
