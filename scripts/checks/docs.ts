// What the docs name must be there: files, and in docs/features.md the tests that show each capability.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { conclude, filesBelow, root } from './source-files.ts';

const pages = [
  ...filesBelow('docs', ['.md']),
  ...['README.md', 'CONTRIBUTING.md'].filter((page) => existsSync(join(root, page))),
];

/** `packages/…/x.ts` in backticks, with `: the name of a test` behind it where one is meant. */
const MENTION = /`((?:packages|scripts|tests|bench|docs)\/[^`\s:*…<>{}]+)(?:: ([^`]+))?`/g;

const complaints = pages.flatMap((page) => {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(MENTION)].flatMap(([, path = '', test]) => {
    if (!existsSync(join(root, path))) return [`${page} names ${path}, which is not there.`];
    if (test === undefined || testsOf(path).includes(test)) return [];
    return [`${page} names the test “${test}”, which ${path} does not have.`];
  });
});
conclude(complaints);

function testsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  // A name in any kind of quotes; a quote inside the name may be escaped.
  return [...text.matchAll(/\b(?:test|testWith|it)(?:\.\w+)?\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g)].map(([, , name = '']) =>
    name.replaceAll(/\\(.)/g, '$1'),
  );
}
