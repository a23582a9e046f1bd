import { maybe, option, section, text } from '../schema/index.ts';

export const logging = section('Logging', {
  log_config: option(
    maybe(text),
    "A file in the form of Python's logging configuration, as Synapse has it: levels, console, file and rotating handlers. Default: level INFO to the console.",
    { default: null },
  ),
});
