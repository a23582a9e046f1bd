import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly body: unknown;
}

/** Holds answers against the spec's schemas. */
export interface ContractCheck {
  check(exchange: Exchange): void;
  /** What was found wrong so far, a sentence each; empties the list. */
  takeViolations(): string[];
}

interface Violation {
  readonly operationId: string;
  readonly status: number;
  readonly instancePath: string;
  readonly message: string;
}

interface SpecValidator {
  check(exchange: Exchange): Violation[];
}

const root = resolve(fileURLToPath(import.meta.url), '../../../../..');

/**
 * Where the tool `spec-check` is: MYELIN_SPEC_CHECK, or the copy that `npm test` makes. The spec's files are not part of the project,
 * so on other machines answers go unchecked.
 */
function findValidator(): string | undefined {
  const folders = [process.env['MYELIN_SPEC_CHECK'], join(root, 'node_modules/.cache/spec-check')];
  return folders
    .filter((folder) => folder !== undefined)
    .map((folder) => join(folder, 'lib/validator.mjs'))
    .find((file) => existsSync(file));
}

let validator: Promise<SpecValidator | undefined> | undefined;

/** A check of its own for one server; one that finds nothing where the spec's schemas are not at hand. */
export async function createContractCheck(): Promise<ContractCheck> {
  validator ??= loadValidator();
  const loaded = await validator;
  const violations = new Set<string>();
  return {
    check(exchange) {
      for (const { operationId, status, instancePath, message } of loaded?.check(exchange) ?? []) {
        violations.add(`${operationId} (${exchange.method} ${exchange.url}) ${status} ${instancePath} ${message}`);
      }
    },
    takeViolations() {
      const found = [...violations];
      violations.clear();
      return found;
    },
  };
}

async function loadValidator(): Promise<SpecValidator | undefined> {
  const file = findValidator();
  if (file === undefined) return undefined;
  const { createValidator } = (await import(pathToFileURL(file).href)) as { createValidator: () => SpecValidator };
  return createValidator();
}
