import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of the repository. */
export const root = dirname(dirname(import.meta.dirname));

/** Paths of files below a folder, from the repository's folder on, without what is installed or generated. */
export function filesBelow(folder: string, endings: readonly string[]): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules' && entry.name !== 'results') found.push(...filesBelow(path, endings));
    } else if (endings.some((ending) => entry.name.endsWith(ending))) found.push(path);
  }
  return found;
}

/** Prints the complaints and sets the exit code. */
export function conclude(complaints: readonly string[]): void {
  for (const complaint of complaints) console.log(complaint);
  process.exitCode = complaints.length > 0 ? 1 : 0;
}
