/** How numbers, times and sizes are written for people; the same forms as the magics'. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Return a size in bytes as `1.5 MiB`. */
export function sizeText(bytes: number): string {
  let power = 0;
  let value = bytes;
  while (value >= 1024 && power < UNITS.length - 1) {
    value /= 1024;
    power += 1;
  }
  const digits = power === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[power]}`;
}

/** Return a duration in seconds as a clock shows it: `0:07`, `2:13`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60
  ];
  const two = (n: number): string => String(n).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Return a number with at most four digits that count: `0.1235`, `5.21`, `14550`. */
export function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** Return seconds since a time (RFC 3339), until another one or now. */
export function secondsSince(begin: string, end?: string | null): number {
  return ((end ? Date.parse(end) : Date.now()) - Date.parse(begin)) / 1000;
}

/** Return a metric's value, which may be anything that JSON holds. */
export function metricText(value: unknown): string {
  return typeof value === 'number' ? numberText(value) : JSON.stringify(value);
}

/** Return a time in milliseconds as `0.42 ms`, `12 ms`, `3.1 s`. */
export function millisecondsText(ms: number): string {
  if (ms >= 1000) {
    return `${(ms / 1000).toFixed(1)} s`;
  }
  return ms < 10 ? `${Number(ms.toPrecision(2))} ms` : `${Math.round(ms)} ms`;
}
