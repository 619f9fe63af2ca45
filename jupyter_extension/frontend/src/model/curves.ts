import type { ICurves, IMetricPoint } from '../messages';

/** A line of a chart: points from left to right; its label may be empty where it is the only one. */
export interface ILine {
  label: string;
  points: [x: number, y: number][];
}

/** What makes one chart: lines that share both axes. */
export interface IChart {
  name: string;
  lines: ILine[];
}

/** Return a metric's points over its epochs or rounds, or over their number where none is told. */
export function metricPoints(points: IMetricPoint[]): [number, number][] {
  const hasSteps = points.every(
    ({ at }, index) => at !== null && (index === 0 || at > points[index - 1].at!)
  );
  return points.map(({ at, number, value }) => [hasSteps ? at! : number, value]);
}

/** Return a chart for each metric that several jobs, or one, have told more than once. */
export function metricCharts(jobs: { label: string; curves: ICurves }[]): IChart[] {
  const names = new Set(jobs.flatMap(({ curves }) => Object.keys(curves.metrics)));
  return [...names].flatMap(name => {
    const lines = jobs.flatMap(({ label, curves }) => {
      const points = curves.metrics[name];
      return points ? [{ label, points: metricPoints(points) }] : [];
    });
    return lines.some(({ points }) => points.length > 1) ? [{ name, lines }] : [];
  });
}

/** Return what a job used, in percent of a processor and in bytes, over its seconds. */
export function usageLines(
  curves: ICurves,
  started: string | null
): { cpu: ILine[]; memory: ILine[] } {
  const begin = Date.parse(started ?? curves.usage[0]?.time ?? '');
  const at = (time: string): number => Math.max(0, (Date.parse(time) - begin) / 1000);
  return {
    cpu: [{ label: '', points: curves.usage.map(one => [at(one.time), one.cpu_percent]) }],
    memory: [{ label: '', points: curves.usage.map(one => [at(one.time), one.memory_bytes]) }]
  };
}

/** Return a line's first, last, least and greatest values; null where it has no finite one. */
export function span(
  points: ILine['points']
): { first: number; last: number; least: number; greatest: number } | null {
  const values = points.map(([, y]) => y).filter(Number.isFinite);
  if (!values.length) {
    return null;
  }
  return {
    first: values[0],
    last: values[values.length - 1],
    least: Math.min(...values),
    greatest: Math.max(...values)
  };
}
