export { compileGlob, containsWord, type Glob, type GlobOptions } from './glob.ts';
export { parsePropertyPath, valueAtPath } from './property-path.ts';
