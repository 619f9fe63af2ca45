import { MimeModel } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Api } from '../src/api';
import { CommandIDs } from '../src/commandIds';
import type { IComparison } from '../src/messages';
import { JobWatch } from '../src/model/jobWatch';
import { LiveGrid, MIME_OF_MANY } from '../src/views/liveGrid';
import { until } from './someJobs';

const trans = nullTranslator.load('kd_magics');
const JOBS = ['c/1', 'c/2'];
const SAVED = { version: 1, jobs: JOBS, as_of: '2026-01-01T10:05:00Z' };

let see: (is: boolean) => void;
let compare: ReturnType<typeof vi.fn<Api['compare']>>;
let execute: ReturnType<typeof vi.fn<(id: string, args?: object) => void>>;
let watch: JobWatch;
let grid: LiveGrid;

const told = (status: 'Running' | 'Finished', loss: number): IComparison => ({
  jobs: [1, 2].map(id => ({
    ...{ cluster: 'c', id, name: '', status, params: { lr: id }, metrics: { loss: loss * id } }
  })),
  ...{ params: ['lr'], metrics: ['loss'], best: { loss } }
});

beforeEach(() => {
  vi.useFakeTimers();
  globalThis.IntersectionObserver = class {
    constructor(tell: IntersectionObserverCallback) {
      see = isIntersecting =>
        tell([{ isIntersecting } as IntersectionObserverEntry], this as never);
    }
    observe(): void {}
    disconnect(): void {}
  } as unknown as typeof IntersectionObserver;
  execute = vi.fn();
  compare = vi.fn<Api['compare']>(async () => told('Running', 0.5));
  const curves = async (): Promise<never> => {
    throw new Error('no curves yet');
  };
  const api = { compare, curves } as unknown as Api;
  watch = new JobWatch(api);
  grid = new LiveGrid(api, watch, { trans, execute });
});

afterEach(() => {
  grid.dispose();
  watch.dispose();
  vi.useRealTimers();
});

async function shown(saved: object): Promise<void> {
  Widget.attach(grid, document.body);
  const data = { [MIME_OF_MANY]: saved as never, 'text/plain': 'the saved table' };
  await act(() => grid.renderModel(new MimeModel({ data })));
}

const text = (): string => grid.node.textContent!;

test('it shows what was saved, then the jobs as they are, until all have ended', async () => {
  await shown(SAVED);
  expect(text()).toContain('the saved table');
  await vi.advanceTimersByTimeAsync(3_000);
  expect(compare).not.toHaveBeenCalled();
  act(() => see(true));
  await until(() => text().includes('0.5'));
  expect(text()).not.toContain('the saved table');
  compare.mockResolvedValue(told('Finished', 0.25));
  await until(() => text().includes('0.25'));
  const asked = compare.mock.calls.length;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(compare).toHaveBeenCalledTimes(asked);
  fireEvent.click(screen.getByRole('button', { name: 'Open as a tab' }));
  expect(execute).toHaveBeenCalledWith(CommandIDs.compareJobs, { jobs: JOBS });
});

test('where the engine is away, it says as of when it is', async () => {
  compare.mockRejectedValue(new Error('It does not answer.'));
  await shown(SAVED);
  act(() => see(true));
  await until(() => text().includes('This was saved as of'));
  expect(text()).toContain('It does not answer.');
  expect(text()).toContain('the saved table');
});

test('an output that names no jobs says so', async () => {
  await shown({ version: 1, jobs: [] });
  expect(text()).toBe('This output names no jobs.');
});
