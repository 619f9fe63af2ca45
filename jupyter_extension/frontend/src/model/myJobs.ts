import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import { isEnded, nameOf } from '../jobReference';
import type { IJob } from '../messages';
import { Polled } from './polled';

/** So many of the newest jobs are asked for. */
const NEWEST = 20;
/** Jobs that run although so many are newer. */
const MOST_RUNNING = 100;
const BUSY = { interval: 4_000, max: 60_000 };
const IDLE = { interval: 10_000, max: 60_000 };

interface IAnswer {
  newest: IJob[];
  older: IJob[];
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

  /** Ask now where somebody wants to know, as a job has just become another. */
  moved(): void {
    this.polled.moved();
  }

  dispose(): void {
    this.polled.dispose();
    Signal.clearData(this);
  }

  private async ask(): Promise<IAnswer> {
    const user = await this.api.user();
    const page = await this.api.jobs({ user, limit: NEWEST });
    const found = new Set(page.jobs.map(nameOf));
    const missing = this.open.filter(job => !found.has(nameOf(job)));
    const older = this.known
      ? await Promise.all(
          missing.map(job => this.api.job(job.cluster, job.id).catch(() => job /* as it was */))
        )
      : (await this.api.jobs({ user, status: 'Running', limit: MOST_RUNNING })).jobs.filter(
          job => !found.has(nameOf(job))
        );
    return { newest: page.jobs, older, silent: Object.keys(page.troubles) };
  }

  private take(): void {
    const answer = this.polled.value;
    if (!answer || this.polled.error) {
      return;
    }
    const { newest, older, silent } = answer;
    const jobs = [...newest, ...older];
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
