/**
 * Compares two strings by Unicode code point, as canonical JSON orders keys. JavaScript's own `<` compares UTF-16 units, which puts
 * U+1F600 (units D83D DE00) before U+FF01.
 */
export function codePointOrder(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Puts surrogates, which stand for U+10000 and above, behind U+E000 to U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
