import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import React from 'react';

import { CommandIDs } from '../commandIds';
import { isEnded, nameOf } from '../jobReference';
import { timeOf, titleOf } from '../jobWords';
import type { IJob } from '../messages';
import type { ShownOutputs } from '../model/shownOutputs';
import { CellOutput } from './cellOutput';
import { JobTime, Metrics, ProgressBar, StateWord } from './jobState';
import type { IViewProps } from './section';

/** What a saved notebook keeps of a job. */
export interface ISavedJob {
  version: number;
  cluster: string;
  job: number;
  name?: string;
  status?: string;
  /** When it had that status, which may have changed since. */
  as_of?: string;
  submitted?: string;
  notebook?: string;
  cell?: string;
}

/** What is known of the job of a cell. */
export interface ILiveCellProps extends IViewProps {
  saved: ISavedJob;
  /** As the engine tells it; null until it does. */
  job: IJob | null;
  error: Error | null;
  /** Whether the server knows no such cluster or job. */
  isUnknown: boolean;
  lines: readonly string[];
  outputs: ShownOutputs;
  rendermime: IRenderMimeRegistry;
}

/** The job that a cell has sent: live where the engine is, else as it was saved. */
export function LiveCellView(props: ILiveCellProps): JSX.Element {
  const { trans, saved, job, lines } = props;
  const name = nameOf(saved);
  const status = job?.status ?? saved.status ?? '';
  const title = titleOf(trans, { id: saved.job, name: job?.name ?? saved.name ?? '' });
  return (
    <section className="kd-LiveCell" data-kd-status={status} aria-label={trans.__('Job %1', name)}>
      <div className="kd-LiveCell-head">
        <strong>{title}</strong>
        {status && <StateWord trans={trans} status={status} />}
        {job && <JobTime trans={trans} job={job} />}
        <span className="kd-Quiet">{name}</span>
        {!job && saved.as_of && (
          <span className="kd-Quiet">{trans.__('as of %1', timeOf(saved.as_of))}</span>
        )}
        {!job && saved.submitted && (
          <span className="kd-Quiet">{trans.__('submitted %1', timeOf(saved.submitted))}</span>
        )}
      </div>
      {job?.reason && <div>{job.reason}</div>}
      {job && <ProgressBar trans={trans} job={job} />}
      <Metrics progress={job?.progress ?? null} most={6} />
      {lines.length > 0 && <pre>{lines.join('\n')}</pre>}
      <Outputs {...props} />
      <Note {...props} />
      {job && <Buttons {...props} job={job} />}
    </section>
  );
}

function Outputs({ trans, rendermime, outputs }: ILiveCellProps): JSX.Element {
  const { hidden } = outputs;
  return (
    <>
      {hidden > 0 && (
        <p className="kd-Quiet">
          {trans._n('%1 output is not shown here.', '%1 outputs are not shown here.', hidden)}
        </p>
      )}
      {outputs.newest.map(({ number, output }) => (
        <CellOutput key={number} trans={trans} rendermime={rendermime} output={output} />
      ))}
    </>
  );
}

function Note({ trans, error, isUnknown, job }: ILiveCellProps): JSX.Element | null {
  if (!error) {
    return null;
  }
  const text = isUnknown
    ? trans.__('This is what was saved: %1', error.message)
    : job
      ? trans.__('This is what was told last: %1 It is asked again.', error.message)
      : trans.__('This is what was saved: %1 It is asked again.', error.message);
  return (
    <p className="kd-Notice" role="status">
      {text}
    </p>
  );
}

function Buttons({ trans, execute, job }: ILiveCellProps & { job: IJob }): JSX.Element {
  const reference = { cluster: job.cluster, job: job.id };
  return (
    <div className="kd-LiveCell-buttons">
      <button
        type="button"
        className="kd-Button"
        onClick={() => execute(CommandIDs.openJob, reference)}
      >
        {trans.__('Open log')}
      </button>
      {isEnded(job.status) ? (
        <button
          type="button"
          className="kd-Button"
          onClick={() => execute(CommandIDs.rerunJob, reference)}
        >
          {trans.__('Run again…')}
        </button>
      ) : (
        <button
          type="button"
          className="kd-Button"
          onClick={() => execute(CommandIDs.cancelJob, reference)}
        >
          {trans.__('Cancel…')}
        </button>
      )}
    </div>
  );
}
