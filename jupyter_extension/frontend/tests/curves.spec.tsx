import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, render, screen } from '@testing-library/react';
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Api } from '../src/api';
import type { ICurves } from '../src/messages';
import { metricCharts, metricPoints, span, usageLines } from '../src/model/curves';
import { CurvesOf } from '../src/model/curvesOf';
import { ComparisonCurves } from '../src/views/comparisonCurves';
import { JobCurves } from '../src/views/jobCurves';
import { someJob } from './someJobs';

/** What was drawn, as jsdom has no canvas to draw on: each plot's labels and its newest data. */
const drawn = vi.hoisted(() => [] as { labels: string[]; data: unknown; isGone: boolean }[]);
vi.mock('uplot', async importOriginal => {
  const { default: real } = await importOriginal<{ default: typeof import('uplot') }>();
  return {
    default: class {
      static join = real.join;
      private readonly plot: (typeof drawn)[0];
      constructor(options: { series: { label: string }[] }) {
        this.plot = { labels: options.series.map(one => one.label), data: null, isGone: false };
        drawn.push(this.plot);
      }
      setData(data: unknown): void {
        this.plot.data = data;
      }
      destroy(): void {
        this.plot.isGone = true;
      }
    }
  };
});

const trans = nullTranslator.load('kd_magics');
const props = { trans, execute: vi.fn() };
const points = (...values: number[]) =>
  values.map((value, index) => ({ number: index + 1, at: index + 1, value }));
const USED = [
  { time: '2026-01-01T00:00:10Z', cpu_percent: 50, memory_bytes: 1024 },
  { time: '2026-01-01T00:00:20Z', cpu_percent: 100, memory_bytes: 2048 }
];

beforeEach(() => {
  vi.useFakeTimers();
  drawn.length = 0;
  globalThis.ResizeObserver = class {
    observe(): void {}
    disconnect(): void {}
  } as unknown as typeof ResizeObserver;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

test('points stand over their epochs where all have one and these rise, else over their number', () => {
  expect(metricPoints(points(5, 4))).toEqual([
    [1, 5],
    [2, 4]
  ]);
  const twice = [1, 9].map(number => ({ number, at: 3, value: 1 }));
  expect(metricPoints(twice).map(([x]) => x)).toEqual([1, 9]);
  expect(metricPoints([{ number: 4, at: null, value: 7 }])).toEqual([[4, 7]]);
  expect(metricPoints([])).toEqual([]);
});

test('a metric that nobody told twice has no chart', () => {
  const jobs = [
    { label: 'one', curves: { metrics: { loss: points(1, 2), rmse: points(9) }, usage: [] } },
    { label: 'two', curves: { metrics: { loss: points(3) }, usage: [] } }
  ].map(job => ({ ...job, curves: job.curves as unknown as ICurves }));
  const charts = metricCharts(jobs);
  expect(charts.map(({ name }) => name)).toEqual(['loss']);
  expect(charts[0].lines.map(({ label }) => label)).toEqual(['one', 'two']);
});

test('what was used stands over the seconds since the start', () => {
  const curves: ICurves = { metrics: {}, usage: USED, is_sampled: false };
  const { cpu, memory } = usageLines(curves, '2026-01-01T00:00:00Z');
  expect(cpu[0].points).toEqual([
    [10, 50],
    [20, 100]
  ]);
  expect(memory[0].points[1]).toEqual([20, 2048]);
});

test('values that are no numbers are left out of what is told', () => {
  const found = span([
    [1, NaN],
    [2, 5],
    [3, Infinity],
    [4, 3]
  ]);
  expect(found).toEqual({ first: 5, last: 3, least: 3, greatest: 5 });
  expect(span([[1, NaN]])).toBeNull();
});

test('a job draws its curves anew as it tells of more, at most every two seconds', async () => {
  let told = points(3);
  const ask = vi.fn(async () => ({ metrics: { loss: told }, usage: USED, is_sampled: false }));
  const api = { curves: ask } as unknown as Api;
  const job = someJob(1, { status: 'Running', started: '2026-01-01T00:00:00Z', log_size: 1 });
  const shown = (changed: object): JSX.Element => (
    <JobCurves {...props} api={api} job={{ ...job, ...changed }} />
  );
  const { rerender } = render(shown({}));
  await act(() => vi.advanceTimersByTimeAsync(0));
  expect(ask).toHaveBeenCalledTimes(1);
  expect(drawn.map(({ labels }) => labels[1])).toEqual(['processors, in % of one', 'memory']);
  told = points(3, 2, 1);
  for (let size = 2; size < 12; size += 1) {
    rerender(shown({ log_size: size }));
    await act(() => vi.advanceTimersByTimeAsync(300));
  }
  expect(ask).toHaveBeenCalledTimes(2);
  expect(
    screen.getByRole('group', { name: 'loss: from 3 to 1, least 1, greatest 3' })
  ).toBeTruthy();
  expect(drawn[2].data).toEqual([
    [1, 2, 3],
    [3, 2, 1]
  ]);
  expect(drawn.some(({ isGone }) => isGone)).toBe(false);
  cleanup();
  expect(drawn.every(({ isGone }) => isGone)).toBe(true);
});

test('a job that waits is not asked for curves, and one that tells of nothing shows none', async () => {
  const ask = vi.fn(async () => ({ metrics: {}, usage: [], is_sampled: false }));
  const api = { curves: ask } as unknown as Api;
  const { rerender, container } = render(
    <JobCurves {...props} api={api} job={someJob(1, { status: 'Queued' })} />
  );
  await act(() => vi.advanceTimersByTimeAsync(5_000));
  expect(ask).not.toHaveBeenCalled();
  rerender(
    <JobCurves {...props} api={api} job={someJob(1, { started: '2026-01-01T00:00:00Z' })} />
  );
  await act(() => vi.advanceTimersByTimeAsync(5_000));
  expect(ask).toHaveBeenCalledTimes(1);
  expect(container.textContent).toBe('');
});

test('compared jobs stand in one chart over the same axis; what has ended is asked for once', async () => {
  const told: { [id: number]: number[] } = { 1: [3, 2, 1], 2: [5, 4] };
  const ask = vi.fn(async (_: string, id: number) => {
    if (id === 3) {
      throw new Error('Cluster c does not answer.');
    }
    return { metrics: { loss: points(...told[id]) }, usage: [], is_sampled: false };
  });
  const api = { curves: ask } as unknown as Api;
  const comparison = (): any => ({
    jobs: [
      { cluster: 'c', id: 1, name: 'deep', status: 'Finished', params: {}, metrics: {} },
      {
        ...{ cluster: 'c', id: 2, name: 'flat', status: 'Running', params: {} },
        metrics: { loss: told[2].at(-1) }
      },
      { cluster: 'c', id: 3, name: 'away', status: 'Running', params: {}, metrics: {} }
    ]
  });
  const shown = (): JSX.Element => (
    <ComparisonCurves {...props} api={api} comparison={comparison()} />
  );
  const { rerender } = render(shown());
  await act(() => vi.advanceTimersByTimeAsync(0));
  expect(drawn).toHaveLength(1);
  expect(drawn[0].labels).toEqual(['step', 'deep (c/1)', 'flat (c/2)']);
  told[2].push(3);
  rerender(shown());
  await act(() => vi.advanceTimersByTimeAsync(2_000));
  expect(drawn).toHaveLength(1);
  expect(drawn[0].data).toEqual([
    [1, 2, 3],
    [3, 2, 1],
    [5, 4, 3]
  ]);
  expect(ask.mock.calls.filter(([, id]) => id === 1)).toHaveLength(1);
});

test('few jobs are asked for at once, and again where there was no answer', async () => {
  const answers: (() => void)[] = [];
  let fails = true;
  const ask = vi.fn(async () => {
    await new Promise<void>(resolve => answers.push(resolve));
    if (fails) {
      throw new Error('busy');
    }
    return { metrics: {}, usage: [], is_sampled: false };
  });
  const curves = new CurvesOf({ curves: ask } as unknown as Api);
  const jobs = Array.from({ length: 10 }, (_, job) => ({ cluster: 'c', job, state: 'Finished' }));
  const answered = async (): Promise<void> => {
    answers.splice(0).forEach(answer => answer());
    await vi.advanceTimersByTimeAsync(0);
  };
  curves.want(jobs);
  curves.want(jobs);
  expect(ask).toHaveBeenCalledTimes(3);
  await answered();
  expect(ask).toHaveBeenCalledTimes(6);
  fails = false;
  for (let times = 0; times < 10; times += 1) {
    await vi.advanceTimersByTimeAsync(2_000);
    await answered();
  }
  expect(jobs.every(job => curves.of(job) !== null)).toBe(true);
  expect(ask).toHaveBeenCalledTimes(13); // three were refused at first
  curves.want(jobs.slice(1));
  expect(curves.of(jobs[0])).toBeNull();
  curves.dispose();
});
