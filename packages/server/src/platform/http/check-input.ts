import { type MatrixError, badJson, invalidParam, missingParam } from '@myelin/protocol/errors';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

/** Where a value came from; it decides which error a bad one gets. */
export type InputPart = 'path' | 'query' | 'body';

/**
 * Makes the check of one part of a request. The schema is compiled when the check is first used: compiling those of all
 * endpoints would cost the start more than the requests ever gain.
 */
export function createCheck(schema: TSchema, part: InputPart): (value: unknown) => void {
  let compiled: ReturnType<typeof Compile> | undefined;
  return (value) => {
    compiled ??= Compile(schema);
    if (!compiled.Check(value)) throw firstError(compiled.Errors(value), part);
  };
}

function firstError(errors: ReturnType<ReturnType<typeof Compile>['Errors']>, part: InputPart): MatrixError {
  // Of the errors of a union the last speaks for it as a whole; the others tell why each member did not fit.
  const error = errors.find(({ keyword }) => keyword === 'anyOf') ?? errors[0];
  const path = (error?.instancePath ?? '').split('/').slice(1).map(unescapePointer);
  const required = error?.keyword === 'required' ? error.params.requiredProperties[0] : undefined;
  if (required !== undefined) {
    const name = [...path, required].join('.');
    return part === 'query' ? missingParam(name) : badJson(`${name} is missing`);
  }
  const reason = error?.message ?? 'does not fit';
  if (part === 'body') return badJson(`${path.length > 0 ? path.join('.') : 'The request body'} ${reason}`);
  return invalidParam(`${part === 'path' ? 'Path' : 'Query'} parameter ${path.join('.')} ${reason}`);
}

// https://www.rfc-editor.org/rfc/rfc6901#section-3
function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
