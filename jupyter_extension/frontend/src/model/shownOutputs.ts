import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import type { IJob, IJobOutput } from '../messages';
import type { Lanes } from './lanes';

/** More than the newest of these are not kept. */
const MOST = 20;

/** An output of a job, with a number of its own. */
export interface IShownOutput {
  readonly number: number;
  readonly output: IJobOutput['output'];
  readonly displayId: string | null;
}

/** The newest rich outputs of a job, asked for when there are more. */
export class ShownOutputs {
  private readonly _changed = new Signal<this, void>(this);
  private next = 0;
  private isAsking = false;
  private _all: readonly IShownOutput[] = [];
  private count = 0;
  private numbers = 0;

  constructor(
    private readonly api: Api,
    private readonly lanes: Lanes
  ) {}

  get newest(): readonly IShownOutput[] {
    return this._all;
  }

  /** How many there were before the newest. */
  get hidden(): number {
    return this.count - this._all.length;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Take what is known of the job; ask for its outputs where there are more of them. */
  async take(job: IJob): Promise<void> {
    if (job.outputs_size <= this.next || this.isAsking) {
      return;
    }
    this.isAsking = true;
    try {
      let more = true;
      while (more) {
        const page = await this.lanes.run(() => this.api.outputs(job.cluster, job.id, this.next));
        more = page.next > this.next && page.next < job.outputs_size;
        this.add(page.outputs);
        this.next = Math.max(this.next, page.next);
      }
    } catch {
      // The job's own news tell what is wrong; with the next ones it is asked again.
    } finally {
      this.isAsking = false;
    }
  }

  private add(outputs: IJobOutput[]): void {
    const all = [...this._all];
    for (const { output, display_id: displayId } of outputs) {
      const shown = { number: this.numbers, output, displayId };
      this.numbers += 1;
      const place = displayId === null ? -1 : all.findIndex(one => one.displayId === displayId);
      if (place >= 0) {
        all[place] = shown;
      } else {
        all.push(shown);
        this.count += 1;
      }
    }
    if (outputs.length) {
      this._all = all.slice(-MOST);
      this._changed.emit();
    }
  }
}
