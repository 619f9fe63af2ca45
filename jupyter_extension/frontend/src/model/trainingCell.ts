/**
 * Return a cell's source so that it runs on the engine with that magic.
 *
 * A cell that has run on an engine keeps the options of its first line. Null where it begins with
 * a cell magic that is no engine's.
 */
export function withMagic(source: string, magic: string, magics: readonly string[]): string | null {
  const begin = /^\s*%%(\S+)/.exec(source);
  if (!begin) {
    return `%%${magic}\n${source}`;
  }
  return magics.includes(begin[1]) ? `%%${magic}${source.slice(begin[0].length)}` : null;
}
