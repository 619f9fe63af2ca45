import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import React from 'react';

import { CommandIDs } from '../commandIds';
import { nameOf } from '../jobReference';
import { titleOf } from '../jobWords';
import type { IJob } from '../messages';
import type { MyJobs } from '../model/myJobs';
import type { IViewProps } from './section';

const MOST_NAMED = 10;

/** How many of this user's jobs run and wait, in the status bar; a click shows the sidebar. */
export class JobsItem extends ReactWidget {
  constructor(
    private readonly myJobs: MyJobs,
    private readonly props: IViewProps
  ) {
    super();
    this.addClass('kd-JobsItem');
  }

  protected render(): JSX.Element {
    const { myJobs, props } = this;
    return (
      <UseSignal signal={myJobs.changed}>
        {() => <JobsButton {...props} jobs={myJobs.jobs} />}
      </UseSignal>
    );
  }
}

function JobsButton({ trans, execute, jobs }: IViewProps & { jobs: readonly IJob[] }): JSX.Element {
  const running = jobs.filter(job => job.status === 'Running').length;
  const waiting = jobs.length - running;
  const counts = [
    running ? trans._n('%1 job runs', '%1 jobs run', running) : '',
    waiting ? trans._n('%1 job waits', '%1 jobs wait', waiting) : ''
  ];
  const named = jobs.slice(0, MOST_NAMED).map(job => `${titleOf(trans, job)} (${nameOf(job)})`);
  return (
    <button
      type="button"
      onClick={() => execute(CommandIDs.openSidebar)}
      title={[...named, ...(jobs.length > MOST_NAMED ? ['…'] : [])].join('\n')}
    >
      {counts.filter(Boolean).join(', ')}
    </button>
  );
}
