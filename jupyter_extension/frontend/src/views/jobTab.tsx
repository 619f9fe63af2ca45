import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import { PanelLayout, Widget } from '@lumino/widgets';
import React from 'react';

import type { Api } from '../api';
import { IJobReference, isEnded } from '../jobReference';
import { titleOf } from '../jobWords';
import type { IFailure } from '../messages';
import { JobLog } from '../model/jobLog';
import type { WatchedJob } from '../model/jobWatch';
import { JobCurves } from './jobCurves';
import { JobFailure } from './jobFailure';
import { JobHeader } from './jobHeader';
import { JobLogView } from './jobLogView';
import { IViewProps, Loading, Trouble } from './section';

/** What a job's tab is made of. */
export interface IJobTabOptions extends IViewProps {
  api: Api;
  watched: WatchedJob;
  rendermime: IRenderMimeRegistry;
}

/** A job in the main area: all that is known of it, and its log; it asks while it can be seen. */
export class JobTab extends Widget {
  readonly reference: IJobReference;
  private readonly log: JobLog;
  private wanted: IDisposable | null = null;

  constructor(private readonly options: IJobTabOptions) {
    super();
    const { api, watched, rendermime, trans } = options;
    const { cluster, job } = (this.reference = watched.reference);
    this.addClass('kd-JobTab');
    this.log = new JobLog(api, this.reference);
    const layout = (this.layout = new PanelLayout());
    layout.addWidget(new JobHead(options));
    layout.addWidget(new JobLogView(this.log, rendermime, trans, api.logUrl(cluster, job)));
    watched.changed.connect(this.changed, this);
    this.changed();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.want(false);
      Signal.disconnectReceiver(this);
      this.log.dispose();
      super.dispose();
    }
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.want(true);
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.want(this.isVisible);
  }

  protected onBeforeHide(message: Message): void {
    this.want(false);
    super.onBeforeHide(message);
  }

  protected onBeforeDetach(message: Message): void {
    this.want(false);
    super.onBeforeDetach(message);
  }

  private want(is: boolean): void {
    if (is && !this.wanted) {
      this.wanted = this.options.watched.want();
      this.log.start();
    } else if (!is && this.wanted) {
      this.wanted.dispose();
      this.wanted = null;
      this.log.stop();
    }
  }

  private changed(): void {
    const { job } = this.options.watched;
    if (job) {
      this.log.told(job.log_size);
      this.title.label = titleOf(this.options.trans, job);
    }
  }
}

/** The head of the tab, as high as what stands in it. */
class JobHead extends ReactWidget {
  constructor(private readonly options: IJobTabOptions) {
    super();
    this.addClass('kd-JobTab-head');
  }

  protected render(): JSX.Element {
    const { watched } = this.options;
    return (
      <UseSignal signal={watched.changed}>{() => <JobHeadView {...this.options} />}</UseSignal>
    );
  }
}

function JobHeadView(options: IJobTabOptions): JSX.Element {
  const { api, watched, trans, execute } = options;
  const { job, error, reference } = watched;
  const failure = useFailure(api, reference, job?.status ?? '');
  return (
    <>
      {error && <Trouble error={error} />}
      {!job && !error && <Loading trans={trans} />}
      {job && <JobHeader trans={trans} execute={execute} job={job} />}
      {failure && <JobFailure trans={trans} failure={failure} />}
      {job && <JobCurves trans={trans} execute={execute} api={api} job={job} />}
    </>
  );
}

/** Return why a job has failed, once it has; null where no exception was the reason. */
function useFailure(api: Api, { cluster, job }: IJobReference, status: string): IFailure | null {
  const [failure, setFailure] = React.useState<IFailure | null>(null);
  const hasFailed = status !== '' && isEnded(status) && status !== 'Finished';
  React.useEffect(() => {
    let isShown = true;
    if (hasFailed) {
      // A job that was killed has none: its reason is told by its state.
      api.failure(cluster, job).then(
        found => isShown && setFailure(found),
        () => undefined
      );
    }
    return () => {
      isShown = false;
    };
  }, [api, cluster, job, hasFailed]);
  return failure;
}
