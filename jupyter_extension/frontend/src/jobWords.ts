import type { TranslationBundle } from '@jupyterlab/translation';

import { isEnded } from './jobReference';
import type { IJob, IProgress } from './messages';
import { clock, secondsSince } from './words';

/** The mark of each state, the same as on the card below a cell. */
const MARKS: { [status: string]: string } = {
  Queued: '◷',
  Running: '▶',
  Finished: '✔',
  Failed: '✖',
  OutOfMemory: '✖',
  TimedOut: '✖',
  Cancelled: '■',
  Lost: '?'
};

export const STATUSES = Object.keys(MARKS);

/** Return the mark of a state; it stands beside the word, never alone. */
export function markOf(status: string): string {
  return MARKS[status] ?? '•';
}

/** Return a job's status for people. */
export function statusText(trans: TranslationBundle, status: string): string {
  const words: { [status: string]: string } = {
    Queued: trans.__('Queued'),
    Running: trans.__('Running'),
    Finished: trans.__('Finished'),
    Failed: trans.__('Failed'),
    Cancelled: trans.__('Cancelled'),
    TimedOut: trans.__('Timed out'),
    OutOfMemory: trans.__('Out of memory'),
    Lost: trans.__('Lost')
  };
  return words[status] ?? status;
}

/** Return what a job is called: its name, or its number. */
export function titleOf(trans: TranslationBundle, job: { id: number; name: string }): string {
  return job.name || trans.__('Job %1', job.id);
}

/** Return how far a job is: `45 % (epoch 5/10)`, as far as that is known. */
export function howFar(progress: IProgress): string {
  const { fraction, current, total, unit } = progress;
  let place = '';
  if (current !== null && current !== undefined) {
    place = `${unit ?? ''} ${current}${total ? `/${total}` : ''}`.trim();
  }
  if (fraction === null || fraction === undefined) {
    return place;
  }
  return `${Math.round(100 * fraction)} %${place ? ` (${place})` : ''}`;
}

/** Return how long a job still takes; empty where that is not known. */
export function timeLeft(trans: TranslationBundle, progress: IProgress): string {
  const left = progress.eta_s ?? 0;
  return left >= 1 ? trans.__('about %1 left', clock(left)) : '';
}

/** Return how long a job has waited or run, or ran. */
export function timeText(trans: TranslationBundle, job: IJob): string {
  if (!isEnded(job.status)) {
    return job.started
      ? trans.__('running %1', clock(secondsSince(job.started)))
      : trans.__('waiting %1', clock(secondsSince(job.submitted)));
  }
  return job.started && job.ended
    ? trans.__('took %1', clock(secondsSince(job.started, job.ended)))
    : '';
}

/** Return how a job has ended: `Finished, took 2:13.`, `Failed. KeyError: 'x' (line 4).` */
export function endText(trans: TranslationBundle, job: IJob): string {
  const status = statusText(trans, job.status);
  if (job.reason) {
    return trans.__('%1. %2', status, job.reason);
  }
  const took = timeText(trans, job);
  return took ? `${status}, ${took}.` : `${status}.`;
}

/** Return how long ago a time was: `just now`, `5 min ago`, `3 h ago`, `2 days ago`. */
export function agoText(trans: TranslationBundle, time: string): string {
  const minutes = Math.floor(secondsSince(time) / 60);
  if (minutes < 1) {
    return trans.__('just now');
  }
  if (minutes < 60) {
    return trans.__('%1 min ago', minutes);
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 24) {
    return trans.__('%1 h ago', hours);
  }
  return trans._n('%1 day ago', '%1 days ago', Math.floor(hours / 24));
}

/** Return a time as this browser's language writes it; empty for none. */
export function timeOf(time: string | null): string {
  return time ? new Date(time).toLocaleString() : '';
}
