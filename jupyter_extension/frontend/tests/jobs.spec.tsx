import { nullTranslator } from '@jupyterlab/translation';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Api } from '../src/api';
import { CommandIDs } from '../src/commandIds';
import type { IJob } from '../src/messages';
import type { IJobList } from '../src/model/jobList';
import { IJobListActions, JobsView } from '../src/views/jobs';
import { jobsDownTo, someJob, until } from './someJobs';

const trans = nullTranslator.load('kd_magics');
const curves = vi.fn();
let actions: IJobListActions;
let execute: ReturnType<typeof vi.fn<(id: string, args?: object) => void>>;

beforeEach(() => {
  // jsdom lays nothing out: the list gets a height to draw its rows in.
  vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(400);
  vi.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(300);
  vi.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(60);
  execute = vi.fn();
  const loss = [4, 2, 1].map((value, index) => ({ number: index + 1, at: index, value }));
  curves.mockReset().mockResolvedValue({ metrics: { loss }, usage: [], is_sampled: false });
  actions = { setFilter: vi.fn(), choose: vi.fn(), chooseNone: vi.fn(), loadMore: vi.fn() };
});

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

function shown(jobs: IJob[], changed: Partial<IJobList> = {}): JSX.Element {
  const list: IJobList = {
    filter: { mine: false, status: '', text: '' },
    jobs,
    troubles: {},
    chosen: new Set(),
    hasMore: false,
    isLoading: false,
    moreTrouble: '',
    ...changed
  };
  const api = { curves } as unknown as Api;
  return <JobsView trans={trans} execute={execute} api={api} list={list} actions={actions} />;
}

test('a running job tells its state, how far it is and its newest metrics as curves', async () => {
  const progress = {
    fraction: 0.45,
    current: 5,
    total: 10,
    unit: 'epoch',
    eta_s: 65,
    metrics: { loss: 0.25 }
  };
  const started = new Date(Date.now() - 7_500).toISOString();
  render(shown([someJob(1, { status: 'Running', started, progress })]));
  const row = screen.getByRole('listitem').textContent;
  expect(row).toContain('Running');
  expect(row).toContain('running 0:07');
  expect(row).toContain('45 % (epoch 5/10) · about 1:05 left');
  expect(row).toContain('loss 0.25');
  expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('45');
  await until(() => document.querySelector('polyline') !== null);
  const line = document.querySelector('polyline')!.getAttribute('points');
  expect(line).toBe('0.0,0.0 24.0,8.0 48.0,12.0');
  expect(curves).toHaveBeenCalledWith('c', 1);
});

test('a job that waits or has failed says why', () => {
  const reason = 'It waits for 2 GPUs; 1 is free.';
  render(shown([someJob(1, { status: 'Queued', reason })]));
  expect(screen.getByText(reason)).toBeTruthy();
});

test('each job can be opened, cancelled or run again, and downloaded', () => {
  render(shown([someJob(2), someJob(1, { status: 'Running' })]));
  const press = (name: string): void => void fireEvent.click(screen.getByRole('button', { name }));
  press('job-2');
  press('Run job c/2 again…');
  press('Cancel job c/1…');
  press('Download job c/2 as a notebook');
  expect(execute.mock.calls).toEqual([
    [CommandIDs.openJob, { cluster: 'c', job: 2 }],
    [CommandIDs.rerunJob, { cluster: 'c', job: 2 }],
    [CommandIDs.cancelJob, { cluster: 'c', job: 1 }],
    [CommandIDs.downloadJob, { cluster: 'c', job: 2 }]
  ]);
});

test('two chosen jobs can be compared, one cannot', () => {
  const jobs = jobsDownTo(2, 1);
  const { rerender } = render(shown(jobs, { chosen: new Set(['c/1']) }));
  const compare = (): HTMLButtonElement => screen.getByRole('button', { name: 'Compare' });
  expect(compare().disabled).toBe(true);
  rerender(shown(jobs, { chosen: new Set(['c/1', 'c/2']) }));
  fireEvent.click(compare());
  expect(execute).toHaveBeenCalledWith(CommandIDs.compareJobs, { jobs: ['c/1', 'c/2'] });
  fireEvent.click(screen.getByRole('checkbox', { name: 'Choose job c/2' }));
  expect(actions.choose).toHaveBeenCalledWith(jobs[0], false);
});

test('the filter asks for other jobs', () => {
  render(shown([]));
  fireEvent.change(screen.getByRole('searchbox', { name: 'Search jobs' }), {
    target: { value: 'fit' }
  });
  fireEvent.click(screen.getByRole('checkbox', { name: 'Only mine' }));
  fireEvent.change(screen.getByRole('combobox', { name: 'State' }), {
    target: { value: 'Failed' }
  });
  expect(vi.mocked(actions.setFilter).mock.calls).toEqual([
    [{ text: 'fit' }],
    [{ mine: true }],
    [{ status: 'Failed' }]
  ]);
});

test('of five thousand jobs only those in sight are drawn, and the end asks for more', () => {
  const jobs = jobsDownTo(5000, 1);
  const { rerender } = render(shown(jobs, { hasMore: true }));
  const drawn = screen.getAllByRole('listitem').length;
  expect(drawn).toBeGreaterThan(3);
  expect(drawn).toBeLessThan(40);
  expect(actions.loadMore).not.toHaveBeenCalled();
  rerender(shown(jobs.slice(0, 3), { hasMore: true }));
  expect(actions.loadMore).toHaveBeenCalled();
});

test('what could not be loaded is told, and asked for again by a button', () => {
  render(shown(jobsDownTo(1, 1), { moreTrouble: 'It is away.', troubles: { d: 'd is away.' } }));
  expect(screen.getByRole('alert').textContent).toContain('It is away.');
  expect(screen.getByText('d is away.')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(actions.loadMore).toHaveBeenCalledTimes(1);
});

test('an empty list says what to do', () => {
  const { rerender } = render(shown([]));
  expect(screen.getByText(/^No job yet/)).toBeTruthy();
  rerender(shown([], { filter: { mine: true, status: '', text: '' } }));
  expect(screen.getByText('No job is like this.')).toBeTruthy();
});
