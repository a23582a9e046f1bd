import known from './known-options.json' with { type: 'json' };
import { isMapping, nearestName, sameValue } from './schema/index.ts';
import type { Reading } from './schema/index.ts';
import { isSupportedExperiment } from './sections/experimental.ts';

/** Every option of Synapse 1.157 and its forerunners, with what holds when it is not set (null: nothing). */
const knownOptions: Readonly<Record<string, unknown>> = known.options;
const knownExperiments: ReadonlySet<string> = new Set(known.experimental_features);

/** Notes the options at the top level that this server does not support or that nobody knows, and experiments likewise. */
export function noteUnsupported(
  mapping: Readonly<Record<string, unknown>>,
  supported: readonly string[],
  reading: Reading,
): void {
  const ours = new Set(supported);
  for (const [name, value] of Object.entries(mapping)) {
    if (ours.has(name)) continue;
    if (Object.hasOwn(knownOptions, name)) {
      if (value !== null && !sameValue(value, knownOptions[name])) reading.later.push(name);
      continue;
    }
    const near = nearestName(name, [...ours, ...Object.keys(knownOptions)]);
    reading.unknown.push({ path: name, ...(near === undefined ? {} : { near }) });
  }
  const experiments = mapping['experimental_features'];
  for (const [name, value] of Object.entries(isMapping(experiments) ? experiments : {})) {
    if (isSupportedExperiment(name)) continue;
    const path = `experimental_features.${name}`;
    if (!knownExperiments.has(name)) reading.unknown.push({ path });
    else if (value !== false && value !== null) reading.later.push(path);
  }
}

/** The one warning about everything in the file that has no effect, or nothing. */
export function unsupportedWarning({ later, ignored, unknown }: Reading): string | undefined {
  const names = unknown.map(({ path, near }) => (near === undefined ? path : `${path} (did you mean ${near}?)`));
  const parts = [
    ['not supported yet', later],
    ['without meaning here', ignored],
    ['unknown', names],
  ] as const;
  const said = parts.filter(([, list]) => list.length > 0).map(([title, list]) => `${title}: ${list.join(', ')}`);
  return said.length === 0 ? undefined : `Some options of the configuration have no effect. ${capital(said.join('; '))}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
