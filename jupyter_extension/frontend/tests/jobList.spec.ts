import { afterEach, expect, test, vi } from 'vitest';

import { isEnded } from '../src/jobReference';
import { JobList } from '../src/model/jobList';
import { Engine } from './someEngine';
import { jobsDownTo, someJob, until } from './someJobs';

let list: JobList | undefined;

afterEach(() => list?.dispose());

async function opened(engine: Engine): Promise<JobList> {
  list = new JobList(engine.api);
  await list.refresh();
  return list;
}

const ids = (): number[] => list!.value!.jobs.map(job => job.id);

test('pages are loaded one after the other until there are no more', async () => {
  await opened(new Engine(jobsDownTo(250, 1)));
  expect(ids().length).toBe(100);
  await list!.loadMore();
  expect(ids().length).toBe(200);
  await list!.loadMore();
  await list!.loadMore();
  expect(ids()).toEqual(jobsDownTo(250, 1).map(job => job.id));
  expect(list!.value!.hasMore).toBe(false);
});

test('two calls at once load one page', async () => {
  await opened(new Engine(jobsDownTo(300, 1)));
  await Promise.all([list!.loadMore(), list!.loadMore()]);
  expect(ids().length).toBe(200);
});

test('the newest page alone is asked for again; order and choice stay', async () => {
  const engine = new Engine(jobsDownTo(250, 1));
  await opened(engine);
  await list!.loadMore();
  list!.choose(engine.jobs[0], true);
  engine.asked = [];
  engine.jobs = [someJob(251), ...engine.jobs];
  await list!.refresh();
  expect(engine.asked.every(query => query.before === undefined)).toBe(true);
  expect(ids()[0]).toBe(251);
  expect(ids().length).toBe(201);
  expect([...list!.value!.chosen]).toEqual(['c/250']);
});

test('where nothing is new, nothing is drawn anew', async () => {
  await opened(new Engine(jobsDownTo(50, 1)));
  const drawn = vi.fn();
  list!.changed.connect(drawn);
  await list!.refresh();
  await list!.refresh();
  expect(drawn).not.toHaveBeenCalled();
});

test('a running job that is far below is first, and is followed to its end', async () => {
  const engine = new Engine(jobsDownTo(250, 1));
  engine.jobs[230] = someJob(20, { status: 'Running' });
  await opened(engine);
  expect(ids()[0]).toBe(20);
  await list!.loadMore();
  await list!.loadMore();
  engine.jobs[230] = someJob(20, { status: 'Failed' });
  await list!.refresh();
  expect(engine.single).toEqual([20]);
  expect(ids()[0]).toBe(250);
  expect(list!.value!.jobs.find(job => job.id === 20)!.status).toBe('Failed');
  expect(list!.value!.jobs.every(job => isEnded(job.status))).toBe(true);
});

test('a filter asks the server, also whose jobs are mine', async () => {
  const engine = new Engine([someJob(3, { user: 'bob' }), someJob(2, { status: 'Failed' })]);
  await opened(engine);
  list!.setFilter({ mine: true });
  await until(() => ids().join() === '2');
  list!.setFilter({ mine: false, status: 'Failed' });
  await until(() => engine.asked.at(-1)!.status === 'Failed');
  await until(() => !list!.value!.isLoading);
  expect(ids()).toEqual([2]);
});

test('a job that leaves the wanted state leaves the list', async () => {
  const engine = new Engine(jobsDownTo(150, 1).map(job => ({ ...job, status: 'Queued' as const })));
  await opened(engine);
  list!.setFilter({ status: 'Queued' });
  await until(() => !list!.value!.isLoading);
  await list!.loadMore();
  engine.jobs[149] = someJob(1);
  await list!.refresh();
  expect(ids()).not.toContain(1);
});

test('what is typed is asked for once, when a moment has passed', async () => {
  const engine = new Engine(jobsDownTo(20, 1));
  await opened(engine);
  engine.asked = [];
  for (const text of ['j', 'jo', 'job-7']) {
    list!.setFilter({ text });
  }
  expect(list!.value!.filter.text).toBe('job-7');
  expect(list!.value!.isLoading).toBe(true);
  await until(() => ids().join() === '7');
  expect(new Set(engine.asked.map(query => query.q))).toEqual(new Set(['job-7']));
});

test('an engine that is away keeps what was loaded, and says so', async () => {
  const engine = new Engine(jobsDownTo(150, 1));
  await opened(engine);
  engine.fails = true;
  await list!.loadMore();
  expect(list!.value!.moreTrouble).toBe('The engine is away.');
  await list!.refresh();
  expect(list!.error!.message).toBe('The engine is away.');
  expect(ids().length).toBe(100);
  engine.fails = false;
  await list!.refresh();
  await list!.loadMore();
  expect(list!.error).toBeNull();
  expect(list!.value!.moreTrouble).toBe('');
  expect(ids().length).toBe(150);
});

test('a job that moved is asked for where the list would show it otherwise', async () => {
  const engine = new Engine(jobsDownTo(250, 1));
  await opened(engine);
  const wanted = list!.want();
  await until(() => engine.asked.length >= 3);
  await new Promise(resolve => setTimeout(resolve, 50));
  const first = engine.asked.length;
  const quiet = [someJob(200), someJob(3)]; // as it is shown, and older than what is shown
  quiet.forEach(job => list!.moved(job));
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(engine.asked.length).toBe(first);
  engine.jobs.unshift(someJob(251));
  list!.moved(someJob(251));
  await until(() => ids()[0] === 251);
  list!.mentioned(someJob(251).submitted); // it is shown already
  await new Promise(resolve => setTimeout(resolve, 50));
  const asked = engine.asked.length;
  engine.jobs.unshift(someJob(252));
  list!.mentioned(someJob(252).submitted);
  await until(() => ids()[0] === 252);
  expect(engine.asked.length - asked).toBeLessThan(3);
  engine.jobs.shift();
  engine.jobs[0] = someJob(251, { status: 'Failed' });
  list!.moved(engine.jobs[0]);
  await until(() => list!.value!.jobs.some(job => job.status === 'Failed'));
  wanted.dispose();
});
