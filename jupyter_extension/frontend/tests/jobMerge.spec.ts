import { expect, test } from 'vitest';

import { extended, merged, runningFirst, updated } from '../src/model/jobMerge';
import { jobsDownTo, page, someJob } from './someJobs';

const ids = (loaded: { jobs: { id: number }[] }): number[] => loaded.jobs.map(job => job.id);
const NONE = { jobs: [], next: null };

test('the first page is all there is', () => {
  expect(merged(NONE, page(jobsDownTo(3, 1)))).toEqual({ jobs: jobsDownTo(3, 1), next: null });
});

test('new jobs come above what was loaded, and older pages stay', () => {
  const loaded = { jobs: jobsDownTo(10, 1), next: 'older' };
  const found = merged(loaded, page(jobsDownTo(12, 8), 'after 8'));
  expect(ids(found)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  expect(found.next).toBe('older');
});

test('a job that is the same as before is the same object, a changed one is not', () => {
  const loaded = { jobs: jobsDownTo(3, 1), next: null };
  const fresh = [someJob(3, { status: 'Failed' }), someJob(2), someJob(1)];
  const found = merged(loaded, page(fresh)).jobs;
  expect(found[0].status).toBe('Failed');
  expect(found[1]).toBe(loaded.jobs[1]);
});

test('a job that the page should have and has not is gone', () => {
  const loaded = { jobs: jobsDownTo(6, 1), next: 'older' };
  const without = jobsDownTo(6, 3).filter(job => job.id !== 4);
  expect(ids(merged(loaded, page(without, 'n')))).toEqual([6, 5, 3, 2, 1]);
  expect(ids(merged(loaded, page([someJob(6)])))).toEqual([6]);
});

test('the jobs of a cluster that gave no answer stay at their places', () => {
  const silent = someJob(5, { cluster: 'away' });
  const loaded = { jobs: [someJob(6), silent, someJob(4)], next: null };
  const answer = page([someJob(7), someJob(6), someJob(4)], null, { away: 'It does not answer.' });
  expect(ids(merged(loaded, answer))).toEqual([7, 6, 5, 4]);
});

test('where more are new than a page has, it is all that stays', () => {
  const loaded = { jobs: jobsDownTo(10, 1), next: 'older' };
  const found = merged(loaded, page(jobsDownTo(200, 101), 'after 101'));
  expect(found.jobs.length).toBe(100);
  expect(found.next).toBe('after 101');
});

test('an older page comes after, no job twice', () => {
  const loaded = { jobs: jobsDownTo(10, 6), next: 'older' };
  const found = extended(loaded, page(jobsDownTo(6, 4), 'more'));
  expect(ids(found)).toEqual([10, 9, 8, 7, 6, 5, 4]);
  expect(found.next).toBe('more');
});

test('newer messages of some jobs change these only', () => {
  const loaded = { jobs: jobsDownTo(3, 1), next: null };
  const found = updated(loaded, [someJob(1, { status: 'Failed' })]);
  expect(found.jobs.map(job => job.status)).toEqual(['Finished', 'Finished', 'Failed']);
  expect(found.jobs[0]).toBe(loaded.jobs[0]);
});

test('running jobs come first, also one that is far below', () => {
  const jobs = [someJob(5, { status: 'Queued' }), someJob(4), someJob(3, { status: 'Running' })];
  const old = someJob(1, { status: 'Running' });
  expect(ids({ jobs: runningFirst([old, jobs[2]], jobs) })).toEqual([3, 1, 5, 4]);
  expect(runningFirst([], [jobs[1]])).toEqual([jobs[1]]);
});
