/** The arguments of a model as they are edited: a text in a field for each, or all as JSON. */

import type { IPredictField, IPredictForm } from '../messages';

/** What stands in each field; the values of the example that was registered to begin with. */
export function textsOf(form: IPredictForm, values: unknown = null): { [name: string]: string } {
  const given = (values ?? {}) as { [name: string]: unknown };
  return Object.fromEntries(
    form.fields.map(field => [
      field.name,
      textOf(field, field.name in given ? given[field.name] : values === null ? field.value : null)
    ])
  );
}

/** Return a value as it stands in its field; what is not there is empty. */
export function textOf(field: IPredictField, value: unknown): string {
  if (value === null || value === undefined) {
    return '';
  }
  return field.type === 'string' && typeof value === 'string' ? value : JSON.stringify(value);
}

/** Return the value of a field's text; throws SyntaxError for what is none of its type. */
export function valueOfText(field: IPredictField, text: string): unknown {
  if (field.type === 'string') {
    return text;
  }
  const value: unknown = JSON.parse(text);
  const fits = {
    boolean: typeof value === 'boolean',
    number: typeof value === 'number',
    integer: Number.isInteger(value),
    json: true
  };
  if (!fits[field.type]) {
    throw new SyntaxError(`${text} is not a ${field.type}`);
  }
  return value;
}

/** Tell whether a field's text is none of its type; an empty one is left out. */
export function isWrong(field: IPredictField, text: string): boolean {
  try {
    return text !== '' && (valueOfText(field, text), false);
  } catch {
    return true;
  }
}

/** Return the arguments that the fields make; throws SyntaxError. */
export function argsOf(
  fields: IPredictField[],
  texts: { [name: string]: string }
): { [name: string]: unknown } {
  return Object.fromEntries(
    fields
      .filter(field => texts[field.name] !== '')
      .map(field => [field.name, valueOfText(field, texts[field.name])])
  );
}

/** Return JSON text as the values of the form's fields; null where it holds anything else. */
export function valuesIn(form: IPredictForm, json: string): { [name: string]: unknown } | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return null;
  }
  const names = new Set(form.fields.map(field => field.name));
  return Object.keys(value).every(name => names.has(name))
    ? (value as { [name: string]: unknown })
    : null;
}
