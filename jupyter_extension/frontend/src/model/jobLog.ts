import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import { IJobReference, isEnded } from '../jobReference';
import type { IJobOutput } from '../messages';
import { RequestError } from '../request';
import { LogBlocks } from './logBlocks';

/** Of a log that is larger, or is further behind, only the end is read. */
export const END_READ = 1024 * 1024;
/** No byte for so long, while the engine says that there are some: asked anew. */
const SILENCE_MS = 15_000;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * A job's log as it comes, with its rich outputs.
 *
 * Each byte is taken once: after a break it goes on where it was. `stop` and `start` may be called
 * any number of times, as when its tab is hidden and shown.
 */
export class JobLog implements IDisposable {
  private readonly _changed = new Signal<this, void>(this);
  private running: AbortController | null = null;
  private connection: AbortController | null = null;
  private offset = 0;
  private lastByte = 0;
  private pending: IJobOutput[] = [];
  private outputsAfter = 0;
  private asksOutputs = false;
  private _blocks: LogBlocks | null = null;
  private _trouble = '';
  private _isEnded = false;
  private _isDisposed = false;

  constructor(
    private readonly api: Api,
    private readonly job: IJobReference
  ) {}

  /** What can be drawn of it; null until its first byte or its end is known. */
  get blocks(): LogBlocks | null {
    return this._blocks;
  }

  /** Why it does not go on; empty where it does. */
  get trouble(): string {
    return this._trouble;
  }

  /** Whether all of it has been read, and nothing more will come. */
  get isEnded(): boolean {
    return this._isEnded;
  }

  /** Emitted when there is more to draw, or another trouble. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Follow it from where it was left, until its end. */
  start(): void {
    if (!this.running && !this._isEnded && !this._isDisposed) {
      this.running = new AbortController();
      void this.run(this.running.signal);
    }
  }

  /** Ask nothing more until it is started again. */
  stop(): void {
    this.running?.abort();
    this.connection?.abort();
    this.running = null;
  }

  /** Take note of how many bytes the engine says it has: a connection that is dead is left. */
  told(size: number): void {
    if (size > this.offset && this.connection && Date.now() - this.lastByte > SILENCE_MS) {
      this.connection.abort();
    }
    if (this.running) {
      void this.takeOutputs();
    }
  }

  dispose(): void {
    this.stop();
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private async run(stopped: AbortSignal): Promise<void> {
    let pause = PAUSE_MS;
    while (!stopped.aborted) {
      const before = this.offset;
      try {
        await this.follow(stopped);
        this.tell('');
        const job = await this.api.job(this.job.cluster, this.job.job);
        if (isEnded(job.status) && this.offset >= job.log_size) {
          await this.end(stopped);
          return;
        }
      } catch (error) {
        if (stopped.aborted) {
          return;
        }
        if (!this.connection?.signal.aborted) {
          this.tell((error as Error).message);
        }
        if (error instanceof RequestError && error.status === 404) {
          this.running = null; // there is no such log; showing it again asks again
          return;
        }
      }
      pause = this.offset > before ? PAUSE_MS : Math.min(LONGEST_PAUSE_MS, 2 * pause);
      await after(pause, stopped);
    }
  }

  private async follow(stopped: AbortSignal): Promise<void> {
    const connection = (this.connection = new AbortController());
    stopped.addEventListener('abort', () => connection.abort(), { signal: connection.signal });
    this.lastByte = Date.now();
    const { cluster, job } = this.job;
    const head = await this.api.logPart(cluster, job, 0, 0);
    const size = Number(head.headers.get('X-Log-Size') ?? 0);
    const skips = size - this.offset > 2 * END_READ;
    const from = skips ? size - END_READ : this.offset;
    await this.takeOutputs();
    const answer = await this.api.log(cluster, job, from, true, connection.signal);
    this.tell('');
    if (!this._blocks && !skips) {
      this._blocks = new LogBlocks();
    }
    await this.read(answer.body!.getReader(), skips ? from : null);
  }

  /** Read to the end; with `from` the log begins anew at the first whole line after that byte. */
  private async read(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    from: number | null
  ): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      this.lastByte = Date.now();
      if (from === null) {
        this.take(value);
      } else {
        const cut = value.indexOf(10) + 1; // the first line is the end of one
        this.offset = from + cut;
        this.begin(new LogBlocks(this.offset));
        this.take(value.subarray(cut));
        from = null;
      }
      this._changed.emit();
    }
  }

  /** Begin at a later byte; the outputs there were stay, above the lines. */
  private begin(blocks: LogBlocks): void {
    for (const one of this._blocks?.blocks ?? []) {
      if (one.kind === 'output') {
        blocks.place(one);
      }
    }
    this._blocks = blocks;
    this.placePending(this.offset);
  }

  private take(bytes: Uint8Array): void {
    let rest = bytes;
    while (this.pending.length && this.pending[0].offset <= this.offset + rest.length) {
      const cut = Math.max(0, this.pending[0].offset - this.offset);
      this.feed(rest.subarray(0, cut));
      rest = rest.subarray(cut);
      this.placePending(this.offset);
    }
    this.feed(rest);
  }

  private feed(bytes: Uint8Array): void {
    if (bytes.length) {
      this._blocks!.feed(bytes);
      this.offset += bytes.length;
    }
  }

  private placePending(until: number): void {
    while (this.pending.length && this.pending[0].offset <= until) {
      this._blocks!.place(this.pending.shift()!);
    }
  }

  /** Ask for outputs that are new; those whose bytes have not come yet wait for them. */
  private async takeOutputs(): Promise<void> {
    if (this.asksOutputs) {
      return;
    }
    this.asksOutputs = true;
    try {
      let more = true;
      while (more && !this._isDisposed) {
        const { cluster, job } = this.job;
        const page = await this.api.outputs(cluster, job, this.outputsAfter);
        this.pending.push(...page.outputs);
        more = page.outputs.length > 0 && page.next > this.outputsAfter;
        this.outputsAfter = page.next;
      }
    } catch {
      // Asked again with the next news of the job; what is wrong is told by the log itself.
    } finally {
      this.asksOutputs = false;
    }
    if (this._blocks && this.pending.length) {
      this.placePending(this.offset);
      this._changed.emit();
    }
  }

  private async end(stopped: AbortSignal): Promise<void> {
    await this.takeOutputs();
    if (stopped.aborted) {
      return;
    }
    this._blocks ??= new LogBlocks();
    this.placePending(Infinity);
    this.running = null;
    this._isEnded = true;
    this._changed.emit();
  }

  private tell(trouble: string): void {
    if (trouble !== this._trouble) {
      this._trouble = trouble;
      this._changed.emit();
    }
  }
}

function after(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms);
    stopped.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
