import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import React from 'react';

import type { Api } from '../api';
import { CommandIDs } from '../commandIds';
import { timeOf } from '../jobWords';
import type { IComparison } from '../messages';
import { comparedJobs } from '../model/comparedJobs';
import type { JobWatch } from '../model/jobWatch';
import type { Polled } from '../model/polled';
import { CellWidget } from './cellWidget';
import { ComparisonView } from './comparison';
import { ComparisonCurves } from './comparisonCurves';
import type { IViewProps } from './section';

/** What a saved notebook keeps of jobs side by side is stored under this MIME type. */
export const MIME_OF_MANY = 'application/vnd.kd-magics.jobs+json';

/** What a saved notebook keeps of them; each is named `cluster/9`. */
export interface ISavedJobs {
  version: number;
  jobs: string[];
  submitted?: string;
  as_of?: string;
}

/** The output of a cell that has sent a grid of jobs: their table and curves as they are now. */
export class LiveGrid extends CellWidget {
  private saved: ISavedJobs | null = null;
  private jobs: Polled<IComparison> | null = null;
  /** What it was saved with for front ends without this extension. */
  private text = '';
  private readonly curvesApi: Pick<Api, 'curves'>;

  constructor(
    private readonly api: Api,
    private readonly watch: JobWatch,
    private readonly props: IViewProps
  ) {
    super();
    this.addClass('kd-LiveCell-widget');
    const { lanes } = watch;
    this.curvesApi = { curves: (cluster, id) => lanes.run(() => api.curves(cluster, id)) };
  }

  /** Show the jobs that an output is about; the same again changes what was saved only. */
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const saved = savedJobs(model.data[MIME_OF_MANY]);
    this.text = String(model.data['text/plain'] ?? '');
    if (saved && saved.jobs.join() !== this.saved?.jobs.join()) {
      this.jobs?.dispose();
      const compare = (jobs: string[]): Promise<IComparison> =>
        this.watch.lanes.run(() => this.api.compare(jobs), true);
      this.jobs = comparedJobs(saved.jobs, compare);
      this.jobs.changed.connect(() => this.update(), this);
      this.watch.mention(String(saved.submitted ?? ''));
      this.look();
    }
    this.saved = saved;
    this.update();
  }

  dispose(): void {
    this.jobs?.dispose();
    Signal.clearData(this);
    super.dispose();
  }

  protected ask(): IDisposable | null {
    return this.jobs?.want() ?? null;
  }

  protected render(): JSX.Element {
    const { saved, jobs, props } = this;
    if (!saved || !jobs) {
      return <p>{props.trans.__('This output names no jobs.')}</p>;
    }
    return (
      <LiveGridView
        {...props}
        saved={saved}
        text={this.text}
        comparison={jobs.value}
        error={jobs.error}
        api={this.curvesApi}
      />
    );
  }
}

/** Jobs side by side: live where the engine is, else as they were saved. */
export function LiveGridView(
  props: IViewProps & {
    saved: ISavedJobs;
    text: string;
    comparison: IComparison | null;
    error: Error | null;
    api: Pick<Api, 'curves'>;
  }
): JSX.Element {
  const { trans, execute, saved, text, comparison, error } = props;
  return (
    <section className="kd-LiveCell kd-LiveGrid" aria-label={trans.__('Jobs of this cell')}>
      {comparison ? (
        <div className="kd-Comparison">
          <ComparisonView {...props} comparison={comparison} />
          <ComparisonCurves {...props} comparison={comparison} />
        </div>
      ) : (
        <pre>{text}</pre>
      )}
      {error && (
        <p className="kd-Notice" role="status">
          {comparison
            ? trans.__('This is what was told last: %1 It is asked again.', error.message)
            : saved.as_of
              ? trans.__('This was saved as of %1: %2', timeOf(saved.as_of), error.message)
              : trans.__('This is what was saved: %1', error.message)}
        </p>
      )}
      <div className="kd-LiveCell-buttons">
        <button
          type="button"
          className="kd-Button"
          onClick={() => execute(CommandIDs.compareJobs, { jobs: saved.jobs })}
        >
          {trans.__('Open as a tab')}
        </button>
      </div>
    </section>
  );
}

/** Return what an output has saved of jobs; null for what is none. */
function savedJobs(data: unknown): ISavedJobs | null {
  const saved = data as ISavedJobs | null | undefined;
  const areJobs =
    Array.isArray(saved?.jobs) &&
    saved.jobs.length > 0 &&
    saved.jobs.every(job => typeof job === 'string');
  return areJobs ? saved! : null;
}
