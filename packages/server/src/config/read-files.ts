import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

import { LineCounter, isNode, parseDocument } from 'yaml';
import type { Document, Tags } from 'yaml';

import { ConfigError } from './config-error.ts';
import { isMapping } from './schema/index.ts';
import type { OptionPath } from './schema/index.ts';

/** One file of YAML: what it says, and where in it. */
export interface YamlFile {
  readonly path: string;
  readonly mapping: Readonly<Record<string, unknown>>;
  /** `homeserver.yaml:12`: the line on which an option's value stands; the file alone when that is not known. */
  locate(option: OptionPath): string;
}

/** What several files say together. */
export interface MergedFiles {
  readonly files: readonly YamlFile[];
  readonly mapping: Readonly<Record<string, unknown>>;
  locate(option: OptionPath): string | undefined;
}

/**
 * Reads files and directories (of a directory, its `*.yaml` in order of name) and merges them as Synapse does: by option at the
 * top level, the later file wins and replaces the whole option.
 */
export function readFiles(paths: readonly string[]): MergedFiles {
  const files = paths.flatMap(filesAt).map(readYamlFile);
  const owner = new Map<string, YamlFile>();
  for (const file of files) for (const name of Object.keys(file.mapping)) owner.set(name, file);
  return {
    files,
    mapping: Object.fromEntries([...owner].map(([name, file]) => [name, file.mapping[name]])),
    locate: (option) => owner.get(String(option[0]))?.locate(option),
  };
}

function filesAt(path: string): string[] {
  const stat = orConfigError(path, () => statSync(path));
  if (!stat.isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile());
}

/** Reads a file as YAML 1.1, the version that Synapse reads: `yes` and `off` are booleans, `<<` merges, `0660` is octal. */
export function readYamlFile(path: string): YamlFile {
  const text = orConfigError(path, () => readFileSync(path, 'utf8'));
  const lines = new LineCounter();
  const document = parseDocument(text, { version: '1.1', merge: true, lineCounter: lines, customTags: withoutDates });
  const [error] = document.errors;
  if (error) {
    const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 };
    throw new ConfigError(`${path}:${line}:${col}: this is not valid YAML: ${error.message.split(/ at line \d+/)[0]}`);
  }
  const content: unknown = document.toJS() ?? {};
  if (!isMapping(content))
    throw new ConfigError(`${path}: this must be a mapping of options, such as "server_name: example.com"`);
  return { path, mapping: content, locate: (option) => locateIn(document, lines, path, option) };
}

/** A date in the file is text to every option that we know; so are `y` and `n`, which other readers of YAML 1.1 disagree about. */
function withoutDates(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:timestamp');
}

function locateIn(document: Document, lines: LineCounter, path: string, option: OptionPath): string {
  for (let depth = option.length; depth > 0; depth--) {
    const node = document.getIn(option.slice(0, depth), true);
    if (isNode(node) && node.range) return `${basename(path)}:${lines.linePos(node.range[0]).line}`;
  }
  return basename(path);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read by this user',
  EISDIR: 'it is a directory',
};

/** Turns a file that cannot be read into a sentence about it. */
export function orConfigError<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new ConfigError(`${path}: ${reasons[code] ?? (error instanceof Error ? error.message : String(error))}`, {
      cause: error,
    });
  }
}
