import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import { isEnded, nameOf } from '../jobReference';
import type { IJob } from '../messages';
import { RequestError } from '../request';
import { Polled } from './polled';

/** So many of the newest jobs are asked for. */
const NEWEST = 20;
/** Jobs that have not ended although so many are newer, of each status. */
const MOST_OPEN = 100;
/** Jobs that are in no answer, and are asked for one by one. */
const MOST_SINGLE = 10;
const BUSY = { interval: 4_000, max: 60_000 };
const IDLE = { interval: 10_000, max: 60_000 };

interface IAnswer {
  jobs: IJob[];
  silent: string[];
}

/**
 * The jobs of this user that have not ended, wherever they were sent from, and word of each that ends.
 */
export class MyJobs implements IDisposable {
  private readonly polled: Polled<IAnswer>;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _ended = new Signal<this, IJob>(this);
  /** What was told last: the jobs that had not ended, and what was known besides. */
  private open: IJob[] = [];
  private known: Set<string> | null = null;
  private newestTime = '';
  private silent: string[] = [];

  constructor(private readonly api: Api) {
    this.polled = new Polled('my-jobs', () => this.ask(), IDLE);
    this.polled.changed.connect(() => this.take());
  }

  /** The jobs that wait or run, newest first. */
  get jobs(): readonly IJob[] {
    return this.open;
  }

  /** Emitted when `jobs` has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted for each job that has ended since this is asked for. */
  get ended(): ISignal<this, IJob> {
    return this._ended;
  }

  get isDisposed(): boolean {
    return this.polled.isDisposed;
  }

  /** Ask at once, and again and again until the answer of this is disposed. */
  want(): IDisposable {
    return this.polled.want();
  }

  /** Ask now where somebody wants to know, and a job is other than it is known here. */
  moved(job: IJob): void {
    const known = this.open.find(one => nameOf(one) === nameOf(job));
    if (known ? known.status !== job.status : !isEnded(job.status)) {
      this.polled.moved();
    }
  }

  dispose(): void {
    this.polled.dispose();
    Signal.clearData(this);
  }

  private async ask(): Promise<IAnswer> {
    const user = await this.api.user();
    const newest = await this.api.jobs({ user, limit: NEWEST });
    const silent = Object.keys(newest.troubles);
    const found = new Map(newest.jobs.map(job => [nameOf(job), job]));
    if (!this.known || this.open.length || newest.jobs.some(job => !isEnded(job.status))) {
      const older = await Promise.all(
        ['Running', 'Queued'].map(status => this.api.jobs({ user, status, limit: MOST_OPEN }))
      );
      older.flatMap(page => page.jobs).forEach(job => found.set(nameOf(job), job));
      (await this.askSingle(found, silent)).forEach(job => found.set(nameOf(job), job));
    }
    return { jobs: [...found.values()], silent };
  }

  /** Return the jobs that had not ended and are in no answer; what is not there is left out. */
  private async askSingle(found: Map<string, IJob>, silent: string[]): Promise<IJob[]> {
    const missing = this.open.filter(job => !found.has(nameOf(job)));
    const away = missing.filter(job => silent.includes(job.cluster));
    const lost = missing.filter(job => !silent.includes(job.cluster));
    const asked = await Promise.all(
      lost.slice(0, MOST_SINGLE).map(job =>
        this.api.job(job.cluster, job.id).catch((error: Error) => {
          const isGone = error instanceof RequestError && error.status === 404;
          return isGone ? null : job;
        })
      )
    );
    return [...asked.filter(job => job !== null), ...lost.slice(MOST_SINGLE), ...away];
  }

  private take(): void {
    const answer = this.polled.value;
    if (!answer || this.polled.error) {
      return;
    }
    const { jobs, silent } = answer;
    const wasOpen = new Set(this.open.map(nameOf));
    const ended = jobs.filter(
      job => isEnded(job.status) && (wasOpen.has(nameOf(job)) || this.isNew(job))
    );
    this.open = jobs.filter(job => !isEnded(job.status));
    this.known = new Set(jobs.map(nameOf));
    this.newestTime = [this.newestTime, ...jobs.map(job => job.submitted)].sort().at(-1)!;
    this.silent = silent;
    this.polled.frequency = this.open.length ? BUSY : IDLE;
    this._changed.emit();
    ended.forEach(job => this._ended.emit(job));
  }

  /** Whether a job was sent after the last answer; what a cluster that was away tells is old. */
  private isNew(job: IJob): boolean {
    return (
      this.known !== null &&
      !this.known.has(nameOf(job)) &&
      job.submitted > this.newestTime &&
      !this.silent.includes(job.cluster)
    );
  }
}
