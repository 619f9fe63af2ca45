/** The params of a job, as they are edited: a text stays as it is, all else is JSON. */

/** Return a param as it stands in its field. */
export function fieldOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * Return what a field says: a text where the param was one, else JSON.
 *
 * Throws SyntaxError for what is no JSON.
 */
export function valueOf(field: string, before: unknown): unknown {
  return typeof before === 'string' ? field : JSON.parse(field);
}

/** Return what is wrong with a field; empty where it is good. */
export function problemOf(field: string, before: unknown): string {
  try {
    valueOf(field, before);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Return the params that are others than before; throws SyntaxError for what is no JSON. */
export function changedParams(
  fields: { [name: string]: string },
  before: { [name: string]: unknown }
): { [name: string]: unknown } {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([name, field]) => field !== fieldOf(before[name]))
      .map(([name, field]) => [name, valueOf(field, before[name])])
  );
}
