/**
 * Whether the text is an opaque identifier: 1 to 255 of `0-9A-Za-z-._~`;
 * https://spec.matrix.org/v1.19/appendices/#opaque-identifiers
 */
export function isOpaqueId(text: string): boolean {
  return /^[0-9A-Za-z\-._~]{1,255}$/.test(text);
}

/**
 * Whether the text follows the common namespaced identifier grammar: 1 to 255 of `a-z0-9-_.`, a letter first;
 * https://spec.matrix.org/v1.19/appendices/#common-namespaced-identifier-grammar
 */
export function isNamespacedId(text: string): boolean {
  return /^[a-z][a-z0-9\-_.]{0,254}$/.test(text);
}
