import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import { IJobReference, nameOf } from '../jobReference';
import type { ICurves } from '../messages';

const EVERY_MS = 2_000;
const AGAIN_AFTER_MS = 5_000;
const MOST_AT_ONCE = 3;

/** A job whose curves are wanted; they are asked for again once its state is another. */
export interface IWantedCurves extends IJobReference {
  state: string;
}

interface IEntry {
  wanted: IWantedCurves;
  curves: ICurves | null;
  /** The state that the answer is of. */
  state: string | null;
  isAsked: boolean;
  /** Not before that time, of `performance.now`. */
  due: number;
}

/**
 * The curves of jobs: each is asked for once its job tells that there is more, a few at a time, and
 * again where there was no answer.
 */
export class CurvesOf implements IDisposable {
  private readonly entries = new Map<string, IEntry>();
  private readonly _changed = new Signal<this, void>(this);
  private timer = 0;
  private _isDisposed = false;

  constructor(private readonly api: Pick<Api, 'curves'>) {}

  /** Emitted when curves have arrived. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Return the newest curves of a job; null before there are any. */
  of(job: IJobReference): ICurves | null {
    return this.entries.get(nameOf(job))?.curves ?? null;
  }

  /** Want the curves of these jobs, and of no others. */
  want(jobs: IWantedCurves[]): void {
    const names = new Set(jobs.map(nameOf));
    for (const name of this.entries.keys()) {
      if (!names.has(name)) {
        this.entries.delete(name);
      }
    }
    for (const wanted of jobs) {
      const entry = this.entries.get(nameOf(wanted));
      if (entry) {
        entry.wanted = wanted;
      } else {
        const fresh = { wanted, curves: null, state: null, isAsked: false, due: 0 };
        this.entries.set(nameOf(wanted), fresh);
      }
    }
    this.ask();
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this.timer);
    this.entries.clear();
    Signal.clearData(this);
  }

  /** Ask for what is due, and look again when the next is. */
  private ask(): void {
    window.clearTimeout(this.timer);
    const all = [...this.entries.values()];
    let room = MOST_AT_ONCE - all.filter(one => one.isAsked).length;
    const open = all.filter(one => !one.isAsked && one.state !== one.wanted.state);
    const now = performance.now();
    for (const entry of open.filter(one => one.due <= now)) {
      if (room > 0) {
        room -= 1;
        void this.askOne(entry);
      }
    }
    const later = open.filter(one => one.due > now).map(one => one.due - now);
    if (later.length) {
      this.timer = window.setTimeout(() => this.ask(), Math.min(...later));
    }
  }

  private async askOne(entry: IEntry): Promise<void> {
    const { cluster, job, state } = entry.wanted;
    entry.isAsked = true;
    entry.due = performance.now() + EVERY_MS;
    try {
      entry.curves = await this.api.curves(cluster, job);
      entry.state = state;
    } catch {
      // What is wrong the job itself tells.
      entry.due = performance.now() + AGAIN_AFTER_MS;
    }
    entry.isAsked = false;
    if (!this.isDisposed) {
      if (entry.state !== null && this.entries.has(nameOf(entry.wanted))) {
        this._changed.emit();
      }
      this.ask();
    }
  }
}
