import { nameOf } from '../jobReference';
import type { IJob, IJobPage } from '../messages';

/** Jobs that were loaded, newest first, and where older ones are; null where there are none. */
export interface ILoadedJobs {
  jobs: IJob[];
  next: string | null;
}

/**
 * Return loaded jobs after the newest page has been asked for again.
 *
 * What the page should have and has not is gone, unless its cluster gave no answer. Where so many
 * are new that the page does not reach what was loaded, it is all that stays. A job that is the
 * same as before stays the same object.
 */
export function merged(loaded: ILoadedJobs, page: IJobPage): ILoadedJobs {
  const before = new Map(loaded.jobs.map(job => [nameOf(job), job]));
  const fresh = page.jobs.map(job => same(before.get(nameOf(job)), job));
  const inPage = new Set(fresh.map(nameOf));
  const reaches = page.next === null ? '' : (page.jobs.at(-1)?.submitted ?? '');
  const isGap =
    page.next !== null &&
    loaded.jobs.length > 0 &&
    loaded.jobs[0].submitted < reaches &&
    !loaded.jobs.some(job => inPage.has(nameOf(job)));
  if (isGap) {
    return { jobs: fresh, next: page.next };
  }
  const others = loaded.jobs.filter(job => !inPage.has(nameOf(job)));
  const older = page.next === null ? [] : others.filter(job => job.submitted <= reaches);
  const silent = others.filter(
    job => job.cluster in page.troubles && (page.next === null || job.submitted > reaches)
  );
  return {
    jobs: silent.length ? sorted([...fresh, ...silent, ...older]) : [...fresh, ...older],
    next: older.length ? loaded.next : page.next
  };
}

/** Return loaded jobs with a page of older ones after them. */
export function extended(loaded: ILoadedJobs, page: IJobPage): ILoadedJobs {
  const known = new Set(loaded.jobs.map(nameOf));
  const older = page.jobs.filter(job => !known.has(nameOf(job)));
  return { jobs: [...loaded.jobs, ...older], next: page.next };
}

/** Return loaded jobs with newer messages of some of them; the order stays. */
export function updated(loaded: ILoadedJobs, newer: IJob[]): ILoadedJobs {
  const found = new Map(newer.map(job => [nameOf(job), job]));
  const jobs = loaded.jobs.map(job => {
    const one = found.get(nameOf(job));
    return one ? same(job, one) : job;
  });
  return { jobs, next: loaded.next };
}

/** Return jobs with those that run before all others, else in their order. */
export function runningFirst(running: IJob[], jobs: IJob[]): IJob[] {
  const known = new Set(jobs.map(nameOf));
  const first = [
    ...jobs.filter(job => job.status === 'Running'),
    ...running.filter(job => job.status === 'Running' && !known.has(nameOf(job)))
  ];
  const names = new Set(first.map(nameOf));
  return first.length ? [...sorted(first), ...jobs.filter(job => !names.has(nameOf(job)))] : jobs;
}

function same(before: IJob | undefined, now: IJob): IJob {
  return before && JSON.stringify(before) === JSON.stringify(now) ? before : now;
}

function sorted(jobs: IJob[]): IJob[] {
  const key = (job: IJob): string => job.submitted;
  return [...jobs].sort((one, other) =>
    key(one) < key(other) ? 1 : key(one) > key(other) ? -1 : 0
  );
}
