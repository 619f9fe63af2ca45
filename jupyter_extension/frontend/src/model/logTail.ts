import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import type { IJob } from '../messages';
import { withoutStyle } from './ansi';
import type { Lanes } from './lanes';
import { LogBlocks } from './logBlocks';

const END_READ = 8 * 1024;
export const DEFAULT_LINES = 8;

/** The last lines of a job's log, read again when it has grown. */
export class LogTail {
  private readonly _changed = new Signal<this, void>(this);
  private size = 0;
  private isAsking = false;
  private _lines: string[] = [];

  constructor(
    private readonly api: Api,
    private readonly lanes: Lanes,
    private readonly most: number
  ) {}

  get lines(): readonly string[] {
    return this._lines;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Take what is known of the job; read its log's end where there is more. */
  async take(job: IJob): Promise<void> {
    const size = job.log_size;
    if (size === this.size || this.isAsking || this.most === 0) {
      return;
    }
    this.isAsking = true;
    try {
      const offset = Math.max(0, size - END_READ);
      const bytes = await this.lanes.run(async () => {
        const answer = await this.api.logPart(job.cluster, job.id, offset, END_READ);
        return new Uint8Array(await answer.arrayBuffer());
      });
      const blocks = new LogBlocks();
      blocks.feed(offset ? bytes.subarray(bytes.indexOf(10) + 1) : bytes);
      this.size = size;
      this._lines = blocks.newest(this.most).map(withoutStyle);
      this._changed.emit();
    } catch {
      // The job's own news tell what is wrong; with the next ones it is read again.
    } finally {
      this.isAsking = false;
    }
  }
}
