import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { IJob } from '../src/messages';
import { MyJobs } from '../src/model/myJobs';
import { RequestError } from '../src/request';
import { Engine } from './someEngine';
import { jobsDownTo, someJob } from './someJobs';

const POLL_MS = 11_000;
let engine: Engine;
let mine: MyJobs;
let told: string[];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  mine.dispose();
  vi.useRealTimers();
});

async function opened(...jobs: IJob[]): Promise<void> {
  engine = new Engine(jobs);
  mine = new MyJobs(engine.api);
  told = [];
  mine.ended.connect((_, job) => told.push(`${job.cluster}/${job.id} ${job.status}`));
  mine.want();
  await later();
}

const later = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(POLL_MS);
};
const open = (): number[] => mine.jobs.map(job => job.id);
const running = (id: number, changed: Partial<IJob> = {}): IJob =>
  someJob(id, { status: 'Running', ...changed });

test('jobs of this user that have not ended are counted; what ended before is no news', async () => {
  await opened(running(3), someJob(2), someJob(1, { status: 'Queued' }));
  expect(open()).toEqual([3, 1]);
  expect(engine.asked.every(query => query.user === 'ann')).toBe(true);
  expect(told).toEqual([]);
});

test('each job that ends is told once, also one that was never seen running', async () => {
  await opened(running(1));
  engine.jobs = [someJob(3), someJob(2, { status: 'Failed' }), someJob(1)];
  await later();
  await later();
  expect(told.sort()).toEqual(['c/1 Finished', 'c/2 Failed', 'c/3 Finished']);
  expect(open()).toEqual([]);
});

test('a job of long ago is followed to its end', async () => {
  await opened(...jobsDownTo(200, 2), running(1));
  expect(open()).toEqual([1]);
  engine.jobs[199] = someJob(1, { status: 'OutOfMemory' });
  await later();
  expect(told).toEqual(['c/1 OutOfMemory']);
});

test('a grid of more jobs than a page has is counted whole, and by few questions', async () => {
  await opened(someJob(1));
  const grid = Array.from({ length: 50 }, (_, n) => someJob(n + 2, { status: 'Queued' }));
  engine.jobs = [...grid, someJob(1)].sort((one, other) => other.id - one.id);
  await later();
  engine.jobs[49] = running(2);
  await later();
  expect(mine.jobs.length).toBe(50);
  expect(mine.jobs.filter(job => job.status === 'Running').map(job => job.id)).toEqual([2]);
  expect(engine.single).toEqual([]);
  engine.jobs[49] = someJob(2, { status: 'Failed' });
  await later();
  expect(told).toEqual(['c/2 Failed']);
  expect(engine.single).toEqual([2]);
});

test('the jobs of a cluster that is away stay, those of one that is connected no more go', async () => {
  await opened(running(2), running(1, { cluster: 'gone' }));
  engine.jobs = [running(2)];
  engine.troubles = { c: 'Cluster c does not answer.' };
  engine.unknown = new RequestError(404, 'UnknownCluster', 'Cluster gone is not connected.');
  await later();
  expect(open()).toEqual([2]);
  expect(engine.single).toEqual([1]);
  expect(told).toEqual([]);
});

test('what a cluster tells that was away, or was not connected, is no news', async () => {
  await opened(someJob(5), running(4, { cluster: 'away' }));
  engine.jobs = [
    someJob(9, { cluster: 'away' }),
    someJob(5),
    someJob(4, { cluster: 'away' }),
    someJob(2, { cluster: 'new' })
  ];
  engine.troubles = { away: 'Cluster away does not answer.' };
  await later();
  engine.troubles = {};
  await later();
  expect(told).toEqual(['away/4 Finished']);
});

test('while nothing runs it asks every ten seconds, while a job runs every four', async () => {
  await opened(someJob(1));
  engine.asked = [];
  await vi.advanceTimersByTimeAsync(60_000);
  expect(engine.asked.length).toBe(6);
  engine.jobs = [running(2), someJob(1)];
  mine.moved(running(2));
  await later();
  engine.asked = [];
  await vi.advanceTimersByTimeAsync(60_000);
  expect(engine.asked.filter(query => !query.status).length).toBe(15);
});

test('an engine that is away tells of no end', async () => {
  await opened(running(1));
  engine.fails = true;
  await later();
  engine.fails = false;
  await later();
  await later();
  expect(told).toEqual([]);
  expect(open()).toEqual([1]);
});
