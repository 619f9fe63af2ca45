import { addIcon, closeIcon, downloadIcon, refreshIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Api } from '../api';
import { CommandIDs } from '../commandIds';
import { isEnded, nameOf, referenceOf } from '../jobReference';
import { titleOf } from '../jobWords';
import type { IJob } from '../messages';
import { IconButton } from './iconButton';
import { JobAge, JobTime, Metrics, ProgressBar, StateWord } from './jobState';
import type { IViewProps } from './section';
import { useCurves } from './useCurves';

/** One job of the list, and what its row does. */
export interface IJobRowProps extends IViewProps {
  api: Api;
  job: IJob;
  isChosen: boolean;
  choose: (job: IJob, is: boolean) => void;
}

/** A job in the sidebar: what it is called, its state, how far it is, what can be done. */
export const JobRow = React.memo(function JobRow(props: IJobRowProps): JSX.Element {
  const { trans, job, execute } = props;
  return (
    <div className="kd-JobRow" data-kd-cluster={job.cluster} data-kd-job={job.id}>
      <div className="kd-JobRow-head">
        <input
          type="checkbox"
          checked={props.isChosen}
          onChange={event => props.choose(job, event.target.checked)}
          aria-label={trans.__('Choose job %1', nameOf(job))}
          title={trans.__('Choose to compare')}
        />
        <button
          type="button"
          className="kd-JobRow-name"
          onClick={() => execute(CommandIDs.openJob, { ...referenceOf(job) })}
          title={trans.__('Open job %1', nameOf(job))}
        >
          {titleOf(trans, job)}
        </button>
        <JobActions {...props} />
      </div>
      <div className="kd-JobRow-line">
        <StateWord trans={trans} status={job.status} />
        <JobTime trans={trans} job={job} />
        {job.status !== 'Running' && (
          <span className="kd-Quiet">
            <JobAge trans={trans} job={job} />
          </span>
        )}
      </div>
      <div className="kd-JobRow-place kd-Quiet">
        {[nameOf(job), job.user].filter(Boolean).join(' · ')}
      </div>
      {job.reason && <div className="kd-JobRow-reason">{job.reason}</div>}
      {!isEnded(job.status) && <ProgressBar trans={trans} job={job} />}
      <RowMetrics {...props} />
    </div>
  );
});

/** The newest metrics; of a running job with their curves. */
function RowMetrics({ api, job }: IJobRowProps): JSX.Element {
  const wasLive = React.useRef(false);
  wasLive.current ||= job.status === 'Running' && Boolean(job.progress?.metrics);
  const curves = useCurves(api, wasLive.current ? job : null);
  return <Metrics progress={job.progress} most={3} curves={curves} />;
}

/** The buttons of a row, which are seen when the row is pointed at or has the focus. */
function JobActions({ trans, job, execute }: IJobRowProps): JSX.Element {
  const reference = { ...referenceOf(job) };
  const name = nameOf(job);
  return (
    <span className="kd-RowActions">
      {isEnded(job.status) ? (
        <IconButton
          icon={refreshIcon}
          label={trans.__('Run job %1 again…', name)}
          onClick={() => execute(CommandIDs.rerunJob, reference)}
        />
      ) : (
        <IconButton
          icon={closeIcon}
          label={trans.__('Cancel job %1…', name)}
          onClick={() => execute(CommandIDs.cancelJob, reference)}
        />
      )}
      {job.status === 'Finished' && (
        <IconButton
          icon={addIcon}
          label={trans.__('Register a model of job %1…', name)}
          onClick={() => execute(CommandIDs.registerModel, reference)}
        />
      )}
      <IconButton
        icon={downloadIcon}
        label={trans.__('Download job %1 as a notebook', name)}
        onClick={() => execute(CommandIDs.downloadJob, reference)}
      />
    </span>
  );
}
