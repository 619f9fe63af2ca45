import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import React from 'react';

import type { Api } from '../api';
import { nameOf } from '../jobReference';
import type { JobWatch, WatchedJob } from '../model/jobWatch';
import { LogTail } from '../model/logTail';
import { ISavedJob, LiveCellView } from './liveCell';
import type { IViewProps } from './section';

/** What a saved notebook keeps of a job is stored under this MIME type. */
export const MIME = 'application/vnd.kd-magics.job+json';

/** The output of a cell that has sent a job; it asks nothing while it cannot be seen. */
export class LiveCell extends ReactWidget implements IRenderMime.IRenderer {
  private saved: ISavedJob | null = null;
  private watched: WatchedJob | null = null;
  private wanted: IDisposable | null = null;
  private seen: IntersectionObserver | null = null;
  private tail: LogTail;

  constructor(
    private readonly api: Api,
    private readonly watch: JobWatch,
    private readonly props: IViewProps
  ) {
    super();
    this.addClass('kd-LiveCell-widget');
    this.tail = this.newTail();
  }

  /** Show the job that an output is about; the same again changes what was saved only. */
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const saved = savedJob(model.data[MIME]);
    if (saved && (!this.saved || nameOf(saved) !== nameOf(this.saved))) {
      this.want(false);
      Signal.disconnectReceiver(this);
      this.tail = this.newTail();
      this.watched = this.watch.find(saved);
      this.watched.changed.connect(this.changed, this);
      this.watch.mention(String(saved.submitted ?? ''));
      this.changed();
      this.look();
    }
    this.saved = saved;
    this.update();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.want(false);
      this.seen?.disconnect();
      Signal.disconnectReceiver(this);
      super.dispose();
    }
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    // The kernel's Cancel button below a card is for front ends that have only the card.
    this.node.closest('.jp-OutputArea-child')?.classList.add('kd-mod-liveCell');
    this.look();
  }

  protected onBeforeDetach(message: Message): void {
    this.seen?.disconnect();
    this.seen = null;
    this.want(false);
    super.onBeforeDetach(message);
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
      />
    );
  }

  /** Ask while any of it is in sight. */
  private look(): void {
    if (this.seen || !this.watched || !this.isAttached) {
      return;
    }
    this.seen = new IntersectionObserver(entries => this.want(entries.at(-1)!.isIntersecting));
    this.seen.observe(this.node);
  }

  private want(is: boolean): void {
    if (is && !this.wanted && this.watched) {
      this.wanted = this.watched.want();
      this.changed();
    } else if (!is && this.wanted) {
      this.wanted.dispose();
      this.wanted = null;
    }
  }

  private changed(): void {
    const job = this.watched?.job;
    if (job && this.wanted) {
      void this.tail.take(job);
    }
    this.update();
  }

  private newTail(): LogTail {
    const tail = new LogTail(this.api);
    tail.changed.connect(() => this.update(), this);
    return tail;
  }
}

/** Return what an output has saved of a job; null for what is none. */
function savedJob(data: unknown): ISavedJob | null {
  const saved = data as ISavedJob | null | undefined;
  const isJob = typeof saved?.cluster === 'string' && Number.isInteger(saved.job);
  return isJob ? saved! : null;
}
