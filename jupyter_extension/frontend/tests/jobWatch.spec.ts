import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Api } from '../src/api';
import type { IJob } from '../src/messages';
import { JobWatch } from '../src/model/jobWatch';
import { RequestError } from '../src/request';
import { page, someJob, until } from './someJobs';

let watch: JobWatch | undefined;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  watch?.dispose();
  watch = undefined;
  vi.useRealTimers();
});

function opened(job: (cluster: string, id: number) => Promise<IJob>, jobs = vi.fn()): JobWatch {
  watch = new JobWatch({ job, jobs } as unknown as Api);
  return watch;
}

const reference = (job: number) => ({ cluster: 'c', job });

test('a job that nobody wants is not asked for', async () => {
  const job = vi.fn(async () => someJob(1));
  opened(job).find(reference(1));
  await vi.advanceTimersByTimeAsync(100);
  expect(job).not.toHaveBeenCalled();
});

test('a job that has ended is asked for once, whoever shows it', async () => {
  const job = vi.fn(async () => someJob(1));
  const watched = opened(job).find(reference(1));
  const wanted = watched.want();
  await until(() => watched.job !== null);
  wanted.dispose();
  watch!.find(reference(1)).want();
  await vi.advanceTimersByTimeAsync(1_200);
  expect(job).toHaveBeenCalledTimes(1);
  expect(watch!.find(reference(1))).toBe(watched);
});

test('a running job is asked for until it ends, or until it cannot be seen', async () => {
  let status: IJob['status'] = 'Running';
  const job = vi.fn(async () => someJob(1, { status }));
  const watched = opened(job).find(reference(1));
  watched.want();
  await until(() => job.mock.calls.length === 2);
  status = 'Finished';
  await until(() => watched.job!.status === 'Finished');
  const asked = job.mock.calls.length;
  await vi.advanceTimersByTimeAsync(1_200);
  expect(job).toHaveBeenCalledTimes(asked);
});

test('the same answer draws nothing anew', async () => {
  const job = vi.fn(async () => someJob(1, { status: 'Running' }));
  const watched = opened(job).find(reference(1));
  const drawn = vi.fn();
  watched.changed.connect(drawn);
  watched.want();
  await until(() => job.mock.calls.length === 2);
  expect(drawn).toHaveBeenCalledTimes(1);
});

test('what is wanted one after the other costs few questions, and is told without a round', async () => {
  const all = Array.from({ length: 50 }, (_, n) => someJob(n + 1, { status: 'Running' }));
  const job = vi.fn(async (_: string, id: number) => all[id - 1]);
  const jobs = vi.fn(async () => {
    await new Promise(resolve => setTimeout(resolve, 30));
    return page(all);
  });
  const found = all.map(one => (watch ?? opened(job, jobs)).find(reference(one.id)));
  for (const watched of found) {
    watched.want();
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(100);
  expect(found.filter(one => one.job === null)).toEqual([]);
  expect(job.mock.calls.length + jobs.mock.calls.length).toBeLessThan(8);
});

test('many jobs are asked for by one question, and what is not in it one by one', async () => {
  const all = [1, 2, 3, 4, 5].map(id => someJob(id, { status: 'Finished' }));
  const jobs = vi.fn(async () => page(all.slice(1)));
  const job = vi.fn(async () => all[0]);
  opened(job, jobs);
  const watched = all.map(one => watch!.find(reference(one.id)));
  watched.forEach(one => one.want());
  await until(() => watched.every(one => one.job !== null));
  expect(jobs).toHaveBeenCalled();
  expect(job.mock.calls).toEqual(expect.arrayContaining([['c', 1]]));
  expect(job.mock.calls.length + jobs.mock.calls.length).toBeLessThan(all.length);
});

test('what the server does not know is asked for once, and again when it is shown again', async () => {
  const job = vi.fn(async () => {
    throw new RequestError(404, 'UnknownCluster', 'Cluster c is not connected.');
  });
  const watched = opened(job).find(reference(1));
  const wanted = watched.want();
  await until(() => watched.isUnknown);
  await vi.advanceTimersByTimeAsync(1_200);
  expect(job).toHaveBeenCalledTimes(1);
  wanted.dispose();
  watched.want();
  await until(() => job.mock.calls.length === 2);
});

test('an engine that is away is asked with longer pauses; the last answer stays', async () => {
  let isAway = false;
  const job = vi.fn(async () => {
    if (isAway) {
      throw new RequestError(503, 'Unavailable', 'Cluster c does not answer.');
    }
    return someJob(1, { status: 'Running' });
  });
  const watched = opened(job).find(reference(1));
  watched.want();
  await until(() => watched.job !== null);
  isAway = true;
  await until(() => watched.error !== null);
  expect(watched.job!.status).toBe('Running');
  expect(watched.isUnknown).toBe(false);
  isAway = false;
  watch!.take(someJob(1, { status: 'Cancelled' }));
  expect(watched.error).toBeNull();
  expect(watched.isAsked).toBe(false);
});

test('who lists jobs is told of one that is seen for the first time, or has another status', async () => {
  let status: IJob['status'] = 'Queued';
  const moved: string[] = [];
  const job = vi.fn(async () => someJob(1, { status }));
  opened(job).moved.connect((_, one) => moved.push(one.status));
  const watched = watch!.find(reference(1));
  watched.want();
  await until(() => job.mock.calls.length === 2);
  expect(moved).toEqual(['Queued']);
  status = 'Finished';
  await until(() => watched.job!.status === 'Finished');
  expect(moved).toEqual(['Queued', 'Finished']);
});
