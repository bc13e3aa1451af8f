/** Whether a path could be a pattern. */
export function isPattern(text: string): boolean {
  return /[*?[]/.test(text);
}

/** The longest pattern: no file system knows longer names. */
const LIMIT = 255;

/**
 * A shell pattern: `*`, `?`, `[a-z]` and `[!a-z]`. A dot in front is matched by a dot only. Takes time in proportion to both
 * lengths, whatever the pattern; nothing fits one of more than 255 characters.
 */
export function matcher(pattern: string): (name: string) => boolean {
  if (pattern.length > LIMIT) return () => false;
  const parts = partsOf(pattern);
  return (name) => (!name.startsWith(".") || pattern.startsWith(".")) && fits(name, parts);
}

function fits(name: string, parts: readonly Part[]): boolean {
  let at = 0;
  let part = 0;
  // Where the last star stands, and how much of the name it has taken: a mismatch gives it one character more, and no
  // earlier star needs to be tried again.
  let star = -1;
  let taken = 0;
  while (at < name.length) {
    const wanted = parts[part];
    if (wanted === "*") {
      star = part;
      taken = at;
      part += 1;
    } else if (wanted?.(name.charAt(at))) {
      at += 1;
      part += 1;
    } else if (star !== -1) {
      taken += 1;
      at = taken;
      part = star + 1;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => rest === "*");
}

type Part = "*" | ((character: string) => boolean);

function partsOf(pattern: string): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    // A bracket directly behind the opening one is itself a member.
    const close =
      character === "[" ? pattern.indexOf("]", at + (/[!^]/.test(pattern.charAt(at + 1)) ? 3 : 2)) : -1;
    if (character === "*") {
      parts.push("*");
    } else if (character === "?") {
      parts.push(() => true);
    } else if (close !== -1) {
      parts.push(setOf(pattern.slice(at + 1, close)));
      at = close;
    } else {
      parts.push((other) => other === character);
    }
  }
  return parts;
}

function setOf(members: string): (character: string) => boolean {
  const negated = /^[!^]/.test(members);
  const ranges: [string, string][] = [];
  for (let at = negated ? 1 : 0; at < members.length; at += 1) {
    const from = members.charAt(at);
    const isRange = members.charAt(at + 1) === "-" && at + 2 < members.length;
    ranges.push([from, isRange ? members.charAt(at + 2) : from]);
    if (isRange) at += 2;
  }
  return (character) => ranges.some(([from, to]) => character >= from && character <= to) !== negated;
}
