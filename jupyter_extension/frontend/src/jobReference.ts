import type { IJob } from './messages';

/** Which job of which cluster: the arguments of the commands that concern one job. */
export interface IJobReference {
  cluster: string;
  job: number;
}

const ACTIVE: readonly string[] = ['Queued', 'Running'];

/** Tell whether nothing more will happen to a job of this status. */
export function isEnded(status: string): boolean {
  return !ACTIVE.includes(status);
}

/** Return how a job is named on a line: `cluster/9`. */
export function nameOf(job: IJob | IJobReference): string {
  return `${job.cluster}/${'id' in job ? job.id : job.job}`;
}

/** Return which job a job's message is about. */
export function referenceOf(job: IJob): IJobReference {
  return { cluster: job.cluster, job: job.id };
}

/** Return which job `cluster/9` names; undefined for what names none. */
export function parseReference(text: string): IJobReference | undefined {
  const found = /^([a-z0-9][a-z0-9-]*)\/([1-9][0-9]*)$/.exec(text);
  return found ? { cluster: found[1], job: Number(found[2]) } : undefined;
}
