import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { Poll, Throttler } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import { IJobReference, isEnded, nameOf } from '../jobReference';
import type { IJob } from '../messages';
import { RequestError } from '../request';
import { Lanes } from './lanes';

const EVERY_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** What is wanted one after the other, as the cells of a notebook that opens, is asked together. */
const GATHER_MS = 50;
/** Of more jobs than that the newest page is asked first: most of them are in it. */
const FEW = 3;
const PAGE = 100;
/** A browser opens six connections to a server; the notebook itself needs some of them. */
const MOST_AT_ONCE = 2;

/** One job as it is now; it is asked for while somebody wants it and it has not ended. */
export class WatchedJob {
  private readonly _changed = new Signal<this, void>(this);
  private text = '';
  private pause = 0;
  private due = 0;
  private told = -Infinity;
  private wants = 0;
  private _job: IJob | null = null;
  private _error: Error | null = null;

  constructor(
    readonly reference: IJobReference,
    private readonly begin: () => void,
    private readonly moved: (job: IJob) => void
  ) {}

  /** The newest answer; null until the first one is there. */
  get job(): IJob | null {
    return this._job;
  }

  /** Why the last question was not answered; null where it was. */
  get error(): Error | null {
    return this._error;
  }

  /** Whether the server knows no such cluster or job. */
  get isUnknown(): boolean {
    return this._error instanceof RequestError && this._error.status === 404;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Whether somebody wants it and there may be something new. */
  get isAsked(): boolean {
    const over = this.isUnknown || (this._job !== null && isEnded(this._job.status));
    return this.wants > 0 && !over;
  }

  get isDue(): boolean {
    return this.isAsked && Date.now() >= this.due;
  }

  /** Whether it is so long ago that it was told that nobody should wait for the next round. */
  get isStale(): boolean {
    return this.isDue && Date.now() - this.told >= EVERY_MS;
  }

  /** Ask at once, and again and again, until the answer of this is disposed. */
  want(): IDisposable {
    this.wants += 1;
    if (this.isUnknown) {
      this._error = null; // its cluster may be connected now
    }
    this.due = 0;
    this.begin();
    return new DisposableDelegate(() => (this.wants -= 1));
  }

  /** Take what the server told. */
  take(job: IJob): void {
    this.pause = this.due = 0;
    this.told = Date.now();
    const before = this._job?.status;
    const text = JSON.stringify(job);
    if (text !== this.text || this._error) {
      this.text = text;
      this._job = job;
      this._error = null;
      this._changed.emit();
    }
    if (before !== job.status) {
      this.moved(job);
    }
  }

  /** Take that the server could not tell; the pause before the next question grows. */
  fail(error: Error): void {
    this.pause = Math.min(LONGEST_PAUSE_MS, Math.max(EVERY_MS, 2 * this.pause));
    this.due = Date.now() + this.pause;
    const before = this._error?.message;
    this._error = error;
    if (before !== error.message) {
      this._changed.emit();
    }
  }
}

/** Single jobs that tabs and cells show: one poll for all of them, whoever asks. */
export class JobWatch implements IDisposable {
  /** What tabs and cells ask of their jobs shares few connections. */
  readonly lanes = new Lanes(MOST_AT_ONCE);
  private readonly jobs = new Map<string, WatchedJob>();
  private page: { jobs: Map<string, IJob>; at: number } = { jobs: new Map(), at: -Infinity };
  private isAsking = false;
  private readonly poll: Poll<void, unknown>;
  private readonly gathering = new Throttler(() => this.poll.refresh(), {
    limit: GATHER_MS,
    edge: 'trailing'
  });
  private readonly _moved = new Signal<this, IJob>(this);
  private readonly _mentioned = new Signal<this, string>(this);

  constructor(private readonly api: Api) {
    this.poll = new Poll<void, unknown>({
      auto: false,
      name: 'kd-magics:watched-jobs',
      factory: () => this.ask(),
      frequency: { interval: EVERY_MS, backoff: false },
      standby: () => (this.isNeeded ? 'when-hidden' : true)
    });
  }

  /** Emitted when a job that is watched is seen for the first time, or has another status. */
  get moved(): ISignal<this, IJob> {
    return this._moved;
  }

  /** Emitted with the time at which a job was sent that a cell or tab names. */
  get mentioned(): ISignal<this, string> {
    return this._mentioned;
  }

  /** Tell who lists jobs of one that was sent at a time. */
  mention(submitted: string): void {
    this._mentioned.emit(submitted);
  }

  /** Return a job, the same object for all that show it. */
  find(reference: IJobReference): WatchedJob {
    const name = nameOf(reference);
    let job = this.jobs.get(name);
    if (!job) {
      job = new WatchedJob(
        reference,
        () => this.begin(job!),
        one => this._moved.emit(one)
      );
      this.jobs.set(name, job);
    }
    return job;
  }

  /** Take what another question told of a job, such as that it is being cancelled. */
  take(job: IJob): void {
    this.jobs.get(nameOf(job))?.take(job);
  }

  get isDisposed(): boolean {
    return this.poll.isDisposed;
  }

  dispose(): void {
    this.gathering.dispose();
    this.poll.dispose();
    this.jobs.clear();
    Signal.clearData(this);
  }

  private get isNeeded(): boolean {
    return [...this.jobs.values()].some(job => job.isAsked);
  }

  /** Have a job asked for that somebody wants now, unless the newest page tells of it. */
  private begin(watched: WatchedJob): void {
    const known = this.page.jobs.get(nameOf(watched.reference));
    if (known && watched.isStale && Date.now() - this.page.at < EVERY_MS) {
      watched.take(known);
    }
    if (this.isNeeded) {
      void this.poll.start();
      this.gather();
    } else {
      void this.poll.stop();
    }
  }

  /** Ask in a moment, together with what is wanted until then. */
  private gather(): void {
    const isStale = [...this.jobs.values()].some(job => job.isStale);
    if (isStale && !this.isAsking) {
      void this.gathering.invoke();
    }
  }

  private async ask(): Promise<void> {
    this.isAsking = true;
    const due = [...this.jobs.values()].filter(job => job.isDue);
    const rest = due.length > FEW ? await this.askPage(due) : due;
    await Promise.all(rest.map(job => this.askOne(job)));
    this.isAsking = false;
    if (this.isNeeded) {
      this.gather(); // what was wanted meanwhile
    } else {
      void this.poll.stop();
    }
  }

  /** Ask for many together; return those that were not in the page. */
  private async askPage(due: WatchedJob[]): Promise<WatchedJob[]> {
    const at = Date.now();
    try {
      const { jobs } = await this.lanes.run(() => this.api.jobs({ limit: PAGE }), true);
      this.page = { jobs: new Map(jobs.map(job => [nameOf(job), job])), at };
    } catch {
      return due; // each of them tells what is wrong
    }
    return due.filter(watched => {
      const job = this.page.jobs.get(nameOf(watched.reference));
      if (job) {
        watched.take(job);
      }
      return !job;
    });
  }

  private async askOne(watched: WatchedJob): Promise<void> {
    const { cluster, job } = watched.reference;
    try {
      watched.take(await this.lanes.run(() => this.api.job(cluster, job), true));
    } catch (error) {
      watched.fail(error as Error);
    }
  }
}
