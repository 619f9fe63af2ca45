import type { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import type { Api, IJobQuery } from '../api';
import { isEnded, nameOf } from '../jobReference';
import type { IJob, IJobPage } from '../messages';
import { extended, ILoadedJobs, merged, runningFirst, updated } from './jobMerge';
import { Polled } from './polled';

const PAGE = 100;
const TYPED_MS = 300;
/** Jobs below the newest page that are asked for one by one, as they had not ended. */
const MOST_SINGLE = 10;
const QUIET_ROUNDS = 5;

/** Which jobs are shown; an empty status or text is any. */
export interface IJobFilter {
  mine: boolean;
  status: string;
  text: string;
}

/** The list as it is to be drawn: running jobs first, then the newest submitted first. */
export interface IJobList {
  filter: IJobFilter;
  jobs: IJob[];
  /** Clusters that gave no answer, and why. */
  troubles: { [name: string]: string };
  /** Jobs (`cluster/9`) that are chosen, to be compared. */
  chosen: ReadonlySet<string>;
  hasMore: boolean;
  /** Whether another filter's jobs are being asked for. */
  isLoading: boolean;
  /** Why older jobs could not be loaded; empty where they could. */
  moreTrouble: string;
}

interface IAnswer {
  generation: number;
  page: IJobPage;
  running: IJob[];
  single: IJob[];
}

/**
 * The jobs of all clusters, through a filter, page by page.
 *
 * Only the newest page and what runs is asked for again and again; it is merged into the older
 * pages that were loaded.
 */
export class JobList implements IDisposable {
  private readonly polled: Polled<IAnswer>;
  private readonly _changed = new Signal<this, void>(this);
  private readonly typed: Debouncer<void, void, []>;
  private generation = 0;
  private rounds = 0;
  private taken = -1;
  private loaded: ILoadedJobs = { jobs: [], next: null };
  private running: IJob[] = [];
  private troubles: { [name: string]: string } = {};
  private filter: IJobFilter = { mine: false, status: '', text: '' };
  private chosen: ReadonlySet<string> = new Set();
  private loadsMore = false;
  private moreTrouble = '';
  private shown: IJobList | null = null;

  constructor(private readonly api: Api) {
    this.polled = new Polled('job-list', () => this.ask(), { interval: 3_000, max: 60_000 });
    this.polled.changed.connect(() => this.take());
    this.typed = new Debouncer(() => this.askAnew(), TYPED_MS);
  }

  /** The list; null until the first answer is there. */
  get value(): IJobList | null {
    return this.shown;
  }

  get error(): Error | null {
    return this.polled.error;
  }

  /** Emitted when there is something else to draw. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this.polled.isDisposed;
  }

  /** Ask at once, and again and again until the answer of this is disposed. */
  want(): IDisposable {
    return this.polled.want();
  }

  /** Ask now, as what it is about has just been changed; never throws. */
  refresh(): Promise<void> {
    return this.polled.refresh();
  }

  /** Ask now where somebody looks at the list, and all that it shows was sent before a time. */
  mentioned(submitted: string): void {
    if (this.loaded.jobs.every(job => job.submitted < submitted)) {
      this.polled.moved();
    }
  }

  /** Ask now where somebody looks at the list, and a job of it is other than it shows. */
  moved(job: IJob): void {
    const shown = this.loaded.jobs.find(one => nameOf(one) === nameOf(job));
    const oldest = this.loaded.next && this.loaded.jobs.at(-1);
    const isOlder = oldest && job.submitted < oldest.submitted;
    if (shown ? shown.status !== job.status : !isOlder) {
      this.polled.moved();
    }
  }

  get wanted(): IJobFilter {
    return this.filter;
  }

  /** Show other jobs; a text that is being typed is asked for when a moment has passed. */
  setFilter(changed: Partial<IJobFilter>): void {
    const before = this.filter;
    this.filter = { ...before, ...changed };
    if (before.mine !== this.filter.mine || before.status !== this.filter.status) {
      this.askAnew();
    } else if (before.text !== this.filter.text) {
      this.generation += 1;
      void this.typed.invoke();
    }
    this.emit();
  }

  /** Choose a job, or choose it no more. */
  choose(job: IJob, is: boolean): void {
    const names = new Set(this.chosen);
    if (is) {
      names.add(nameOf(job));
    } else {
      names.delete(nameOf(job));
    }
    this.chosen = names;
    this.emit();
  }

  /** Choose no job. */
  chooseNone(): void {
    this.chosen = new Set();
    this.emit();
  }

  /** Load the next older page, where there is one. */
  async loadMore(): Promise<void> {
    const { generation } = this;
    const before = this.loaded.next;
    if (!before || this.loadsMore || this.taken !== generation) {
      return;
    }
    this.loadsMore = true;
    try {
      const page = await this.api.jobs({ ...(await this.query()), before, limit: PAGE });
      // Meanwhile the filter may be another, or so many are new that all was loaded anew.
      if (generation === this.generation && this.loaded.next === before) {
        this.loaded = extended(this.loaded, page);
        this.troubles = page.troubles;
      }
      this.moreTrouble = '';
    } catch (error) {
      this.moreTrouble = (error as Error).message;
    } finally {
      this.loadsMore = false;
    }
    this.emit();
  }

  dispose(): void {
    this.polled.dispose();
    this.typed.dispose();
    Signal.clearData(this);
  }

  private askAnew(): void {
    this.generation += 1;
    this.moreTrouble = '';
    void this.polled.refresh();
  }

  private async query(): Promise<IJobQuery> {
    const { mine, status, text } = this.filter;
    return {
      ...(mine ? { user: await this.api.user() } : {}),
      ...(status ? { status } : {}),
      ...(text.trim() ? { q: text.trim() } : {})
    };
  }

  private async ask(): Promise<IAnswer> {
    const { generation } = this;
    const query = await this.query();
    const [page, running] = await Promise.all([
      this.api.jobs({ ...query, limit: PAGE }),
      query.status ? [] : this.askRunning(query)
    ]);
    if (generation !== this.generation) {
      return this.ask(); // the filter is another one now
    }
    const single = generation === this.taken ? await this.askSingle(page, running) : [];
    return { generation, page, running, single };
  }

  /** Ask for all that runs; while nothing does, not each time, as the newest are asked anyway. */
  private async askRunning(query: IJobQuery): Promise<IJob[]> {
    this.rounds += 1;
    const runs = this.running.length || this.loaded.jobs.some(job => job.status === 'Running');
    const isQuiet = this.taken === this.generation && !runs;
    if (isQuiet && this.rounds % QUIET_ROUNDS) {
      return [];
    }
    return (await this.api.jobs({ ...query, status: 'Running', limit: PAGE })).jobs;
  }

  /** Ask for those that had not ended, and are in neither answer: they may have ended. */
  private async askSingle(page: IJobPage, running: IJob[]): Promise<IJob[]> {
    const known = new Set([...page.jobs, ...running].map(nameOf));
    const reaches = page.jobs.at(-1)?.submitted ?? '';
    const asked = this.loaded.jobs
      .filter(job => !isEnded(job.status) && !known.has(nameOf(job)) && job.submitted <= reaches)
      .slice(-MOST_SINGLE);
    const found = await Promise.all(
      asked.map(job => this.api.job(job.cluster, job.id).catch(() => null))
    );
    return found.filter(job => job !== null);
  }

  private take(): void {
    const answer = this.polled.value;
    if (answer && this.polled.error === null) {
      const isOther = answer.generation !== this.taken;
      const before = isOther ? { jobs: [], next: null } : this.loaded;
      this.taken = answer.generation;
      this.loaded = updated(merged(before, answer.page), [...answer.running, ...answer.single]);
      this.dropOthers();
      this.running = answer.running;
      this.troubles = answer.page.troubles;
    }
    this.emit();
  }

  /** Take away those whose status has become another than the wanted one. */
  private dropOthers(): void {
    const { status } = this.filter;
    const { jobs, next } = this.loaded;
    if (status && jobs.some(job => job.status !== status)) {
      this.loaded = { jobs: jobs.filter(job => job.status === status), next };
    }
  }

  private emit(): void {
    if (this.taken >= 0) {
      this.shown = {
        filter: this.filter,
        jobs: runningFirst(this.running, this.loaded.jobs),
        troubles: this.troubles,
        chosen: this.chosen,
        hasMore: this.loaded.next !== null,
        isLoading: this.taken !== this.generation && this.polled.error === null,
        moreTrouble: this.moreTrouble
      };
    }
    this._changed.emit();
  }
}
