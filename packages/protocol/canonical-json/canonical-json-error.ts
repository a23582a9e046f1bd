/** A value that canonical JSON has no form for. A stranger's input that causes it is answered with `M_BAD_JSON`. */
export class CanonicalJsonError extends Error {
  override readonly name = 'CanonicalJsonError';
  /** Where in the value, as `content.users[3]`; empty at the top. */
  readonly path: string;

  constructor(reason: string, path: string) {
    super(path === '' ? `The value ${reason}` : `${path} ${reason}`);
    this.path = path;
  }
}
