/**
 * How far back a client-server path goes: `v3` paths are also served as `r0` and `unstable`; `oldest` ones also as `api/v1`, as
 * clients from before r0 and old bridges call them; `v1` paths were born after r0 and have only the aliases that their
 * contract lists (unstable prefixes).
 */
export type ClientPathAge = 'v3' | 'oldest' | 'v1';

/**
 * The newest path of a client-server endpoint and the older ones that mean the same, to be spread into `endpoint({…})`.
 * https://spec.matrix.org/v1.19/#endpoint-versioning
 * @param age how far back the path goes
 * @param path what follows the version, with its slash: `/rooms/:roomId/messages`
 * @param extraAliases further whole paths, such as those of the unstable prefix a proposal used
 */
export function clientPaths<const Age extends ClientPathAge, const Path extends `/${string}`>(
  age: Age,
  path: Path,
  extraAliases: readonly string[] = [],
): {
  readonly path: Age extends 'v1' ? `/_matrix/client/v1${Path}` : `/_matrix/client/v3${Path}`;
  readonly aliases: readonly string[];
} {
  const versions = { v1: [], v3: ['r0', 'unstable'], oldest: ['r0', 'unstable', 'api/v1'] }[age];
  const newest = `/_matrix/client/${age === 'v1' ? 'v1' : 'v3'}${path}`;
  return {
    // The one assertion here: TypeScript does not follow the ternary into the template literal type.
    path: newest as Age extends 'v1' ? `/_matrix/client/v1${Path}` : `/_matrix/client/v3${Path}`,
    aliases: [...versions.map((version) => `/_matrix/client/${version}${path}`), ...extraAliases],
  };
}
