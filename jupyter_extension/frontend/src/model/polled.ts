import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

/** However much happens, it is asked for no sooner after the question before. */
const MOVED_EVERY_MS = 300;

/** How often what is polled is asked for, in milliseconds. */
export interface IFrequency {
  /** While it is wanted and answers. */
  interval: number;
  /** The longest pause after failures, each of which makes it longer. */
  max: number;
}

/**
 * A value of the server that is asked for again and again, and tells when it has changed.
 *
 * It is asked for while somebody wants it and the page is not hidden, with longer pauses after each
 * failure; the last value stays, with the failure beside it.
 */
export class Polled<T> implements IDisposable {
  private readonly poll: Poll<void, unknown>;
  private readonly _changed = new Signal<this, void>(this);
  private _value: T | null = null;
  private _error: Error | null = null;
  private text = '';
  private wants = 0;
  private pause = 0;
  /** Questions so far, the newest whose answer was taken, and how many are under way. */
  private asked = 0;
  private taken = 0;
  private underWay = 0;
  private again = false;
  private askedAt = -Infinity;
  private timer = 0;

  constructor(
    name: string,
    private readonly ask: () => Promise<T>,
    private _frequency: IFrequency
  ) {
    this.poll = new Poll<void, unknown>({
      auto: false,
      name: `kd-magics:${name}`,
      factory: async () => {
        await this.refresh();
        this.setPause();
      },
      frequency: { interval: _frequency.interval, max: Poll.MAX_INTERVAL, backoff: false },
      standby: () => (this.wants ? 'when-hidden' : true)
    });
  }

  /** The newest value; null until the first one is there. */
  get value(): T | null {
    return this._value;
  }

  /** Why the last question was not answered; null where it was. */
  get error(): Error | null {
    return this._error;
  }

  /** Emitted when value or error has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this.poll.isDisposed;
  }

  /** Ask at once, and then again and again until the answer of this is disposed. */
  want(): IDisposable {
    this.wants += 1;
    if (this.wants === 1) {
      void this.poll.refresh();
    }
    return new DisposableDelegate(() => (this.wants -= 1));
  }

  /** Ask now, as what it is about has just been changed; never throws. */
  async refresh(): Promise<void> {
    const number = (this.asked += 1);
    this.underWay += 1;
    this.askedAt = Date.now();
    try {
      const value = await this.ask();
      this.inOrder(number, () => this.take(value));
    } catch (error) {
      this.inOrder(number, () => this.fail(error as Error));
    }
    this.underWay -= 1;
    if (this.again && !this.underWay) {
      this.again = false;
      this.moved();
    }
  }

  /**
   * Ask soon where somebody wants it: now, or once the questions under way are answered, and a moment
   * after the last one, as much may happen at once.
   */
  moved(): void {
    if (this.underWay) {
      this.again = true;
    } else if (this.wants && !this.timer && !this.isDisposed) {
      const pause = this.askedAt + MOVED_EVERY_MS - Date.now();
      if (pause > 0) {
        this.timer = window.setTimeout(() => {
          this.timer = 0;
          this.moved();
        }, pause);
      } else {
        void this.refresh();
      }
    }
  }

  /** Ask that often from now on. */
  set frequency(frequency: IFrequency) {
    this._frequency = frequency;
    this.setPause();
  }

  dispose(): void {
    if (!this.isDisposed) {
      window.clearTimeout(this.timer);
      this.poll.dispose();
      Signal.clearData(this);
    }
  }

  /** Take an answer, unless that to a later question has been taken. */
  private inOrder(number: number, take: () => void): void {
    if (number > this.taken && !this.isDisposed) {
      this.taken = number;
      take();
    }
  }

  private take(value: T): void {
    // The same answer draws nothing anew.
    const text = value === this._value ? this.text : JSON.stringify(value);
    const isNew = text !== this.text || this._error !== null;
    this.text = text;
    this._error = null;
    if (isNew) {
      this._value = value;
      this._changed.emit();
    }
  }

  private fail(error: Error): void {
    const before = this._error?.message;
    this._error = error;
    if (before !== error.message) {
      this._changed.emit();
    }
  }

  /** Twice as long after each failure; Lumino's own backoff begins below the interval. */
  private setPause(): void {
    const { interval, max } = this._frequency;
    this.pause = this._error ? Math.min(max, Math.max(interval, 2 * this.pause)) : 0;
    this.poll.frequency = { ...this.poll.frequency, interval: this.pause || interval };
  }
}
