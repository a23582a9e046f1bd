// A reporter for node:test that writes one line of JSON for each test that ended; scripts/test.mjs adds them up.

/** The part of an error that helps whoever reads the report. */
function describe(error) {
  const cause = error?.cause instanceof Error ? error.cause : error;
  return String(cause?.stack ?? cause?.message ?? cause);
}

export default async function* report(events) {
  // The names of the suites and tests around the one that runs, by file: events carry only their own.
  const paths = new Map();
  for await (const { type, data } of events) {
    if (type === 'test:start') {
      const path = paths.get(data.file) ?? [];
      path.length = data.nesting;
      path[data.nesting] = data.name;
      paths.set(data.file, path);
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const isSuite = data.details?.type === 'suite';
    // A suite fails because one of its tests did, or by its own hooks; only the latter is news.
    if (isSuite && (type === 'test:pass' || data.details.error?.failureType === 'subtestsFailed')) continue;
    const name = [...(paths.get(data.file) ?? []).slice(0, data.nesting), data.name].join(' › ');
    const skipped = data.skip ?? data.todo;
    const outcome = skipped !== undefined && skipped !== false ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed';
    const detail = outcome === 'failed' ? describe(data.details.error) : typeof skipped === 'string' ? skipped : undefined;
    yield `${JSON.stringify({ outcome, name, file: data.file, detail, ms: data.details?.duration_ms })}\n`;
  }
}
