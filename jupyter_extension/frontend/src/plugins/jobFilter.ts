import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStateDB } from '@jupyterlab/statedb';

import type { IJobFilter, JobList } from '../model/jobList';
import { IPipeline, Pipeline } from '../model/pipeline';

const KEY = 'kd-magics:job-filter';

/** Which jobs are listed stays the same over a reload. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:job-filter',
  description: 'Keeps the filter of the list of jobs.',
  autoStart: true,
  requires: [IPipeline, IStateDB],
  activate: (_app: JupyterFrontEnd, { jobList }: Pipeline, state: IStateDB) => {
    // The saved state comes when all plugins are there, so that none may wait for it.
    void restore(jobList, state).then(() => keep(jobList, state));
  }
};

export default plugin;

async function restore(jobList: JobList, state: IStateDB): Promise<void> {
  const saved = (await state.fetch(KEY)) as Partial<IJobFilter> | undefined;
  if (saved) {
    jobList.setFilter({
      mine: saved.mine === true,
      status: String(saved.status ?? ''),
      text: String(saved.text ?? '')
    });
  }
}

function keep(jobList: JobList, state: IStateDB): void {
  let before = jobList.wanted;
  jobList.changed.connect(() => {
    if (jobList.wanted !== before) {
      before = jobList.wanted;
      void state.save(KEY, { ...before });
    }
  });
}
