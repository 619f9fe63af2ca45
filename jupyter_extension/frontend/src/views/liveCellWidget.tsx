import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import React from 'react';

import type { Api } from '../api';
import { nameOf } from '../jobReference';
import type { JobWatch, WatchedJob } from '../model/jobWatch';
import { DEFAULT_LINES, LogTail } from '../model/logTail';
import { ShownOutputs } from '../model/shownOutputs';
import { CellWidget } from './cellWidget';
import { ISavedJob, LiveCellView } from './liveCell';
import type { IViewProps } from './section';

/** What a saved notebook keeps of a job is stored under this MIME type. */
export const MIME = 'application/vnd.kd-magics.job+json';

/** The output of a cell that has sent a job. */
export class LiveCell extends CellWidget {
  private saved: ISavedJob | null = null;
  private watched: WatchedJob | null = null;
  private tail: LogTail;
  private outputs: ShownOutputs;

  constructor(
    private readonly api: Api,
    private readonly watch: JobWatch,
    private readonly rendermime: IRenderMimeRegistry,
    private readonly props: IViewProps,
    private readonly logLines = DEFAULT_LINES
  ) {
    super();
    this.addClass('kd-LiveCell-widget');
    this.tail = this.newTail();
    this.outputs = this.newOutputs();
  }

  /** Show the job that an output is about; the same again changes what was saved only. */
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const saved = savedJob(model.data[MIME]);
    if (saved && (!this.saved || nameOf(saved) !== nameOf(this.saved))) {
      Signal.disconnectReceiver(this);
      this.tail = this.newTail();
      this.outputs = this.newOutputs();
      this.watched = this.watch.find(saved);
      this.watched.changed.connect(this.changed, this);
      this.watch.mention(String(saved.submitted ?? ''));
      this.look();
    }
    this.saved = saved;
    this.update();
  }

  protected render(): JSX.Element | null {
    const { saved, watched } = this;
    if (!saved || !watched) {
      return <p>{this.props.trans.__('This output names no job.')}</p>;
    }
    return (
      <LiveCellView
        {...this.props}
        saved={saved}
        job={watched.job}
        error={watched.error}
        isUnknown={watched.isUnknown}
        lines={this.tail.lines}
        outputs={this.outputs}
        rendermime={this.rendermime}
      />
    );
  }

  protected ask(): IDisposable | null {
    const wanted = this.watched?.want() ?? null;
    this.takeNews(); // which may be known already
    return wanted;
  }

  private changed(): void {
    if (this.isWanted) {
      this.takeNews();
    }
    this.update();
  }

  private takeNews(): void {
    const job = this.watched?.job;
    if (job) {
      void this.tail.take(job);
      void this.outputs.take(job);
    }
  }

  private newTail(): LogTail {
    const tail = new LogTail(this.api, this.watch.lanes, this.logLines);
    tail.changed.connect(() => this.update(), this);
    return tail;
  }

  private newOutputs(): ShownOutputs {
    const outputs = new ShownOutputs(this.api, this.watch.lanes);
    outputs.changed.connect(() => this.update(), this);
    return outputs;
  }
}

/** Return what an output has saved of a job; null for what is none. */
function savedJob(data: unknown): ISavedJob | null {
  const saved = data as ISavedJob | null | undefined;
  const isJob = typeof saved?.cluster === 'string' && Number.isInteger(saved.job);
  return isJob ? saved! : null;
}
