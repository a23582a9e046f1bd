export {
  anything,
  bool,
  choice,
  duration,
  endlessDuration,
  group,
  integer,
  isMapping,
  list,
  mapOf,
  maybe,
  number,
  size,
  spelt,
  text,
  textKind,
} from './kinds.ts';
export { nearestName } from './nearest-name.ts';
export { option, readOptions, sameValue, section } from './option.ts';
export type { Kind, Option, Options, Section, Values, YamlValue } from './option.ts';
export { Reading, spellPath, spellValue } from './reading.ts';
export type { OptionPath, Problem } from './reading.ts';
