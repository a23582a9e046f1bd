/**
 * Whether the whole text matches the pattern, in which `*` stands for any characters and `?` for one. Case matters. Takes at most
 * |pattern| · |text| steps whatever a stranger wrote; https://spec.matrix.org/v1.19/appendices/#glob-style-matching
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let inText = 0;
  // Where to go on from when a literal does not match: the last star takes one character more.
  let star = -1;
  let takenByStar = 0;
  while (inText < text.length) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at++;
      takenByStar = inText;
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[inText])) {
      at++;
      inText++;
    } else if (star !== -1) {
      at = star + 1;
      inText = ++takenByStar;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
