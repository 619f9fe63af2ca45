import { Token } from '@lumino/coreutils';

import type { Api } from '../api';
import type { IAbout, IDeploymentList, IEngineList, IJobPage, IModelRegistry } from '../messages';
import { JobList } from './jobList';
import { JobWatch } from './jobWatch';
import { MyJobs } from './myJobs';
import { Polled } from './polled';

/** What all parts of the sidebar share: the server's routes, and what is polled of them. */
export class Pipeline {
  readonly about: Polled<IAbout>;
  readonly engines: Polled<IEngineList>;
  /** The newest jobs of all clusters, for dialogs to choose from. */
  readonly jobs: Polled<IJobPage>;
  /** The jobs that the sidebar lists: filtered, page by page. */
  readonly jobList: JobList;
  /** This user's jobs that have not ended, for the status bar and notifications. */
  readonly myJobs: MyJobs;
  /** Single jobs, for tabs and cells. */
  readonly jobWatch: JobWatch;
  readonly models: Polled<IModelRegistry>;
  readonly deployments: Polled<IDeploymentList>;

  constructor(readonly api: Api) {
    this.about = new Polled('about', api.about, { interval: 120_000, max: 600_000 });
    this.engines = new Polled('engines', api.engines, { interval: 5_000, max: 60_000 });
    this.jobs = new Polled('jobs', () => api.jobs({ limit: 100 }), {
      interval: 3_000,
      max: 60_000
    });
    this.jobList = new JobList(api);
    this.myJobs = new MyJobs(api);
    this.jobWatch = new JobWatch(api);
    this.jobWatch.mentioned.connect((_, submitted) => this.jobList.mentioned(submitted));
    this.jobWatch.moved.connect((_, job) => {
      this.jobList.moved(job);
      this.myJobs.moved(job);
    });
    const models = async (): Promise<IModelRegistry> =>
      (await api.models(this.models.value?.tag)) ?? this.models.value!;
    this.models = new Polled('models', models, { interval: 1_500, max: 60_000 });
    this.deployments = new Polled('deployments', api.deployments, { interval: 5_000, max: 60_000 });
  }
}

export const IPipeline = new Token<Pipeline>(
  'kd-magics:IPipeline',
  'The training and deployment clusters of this Jupyter server.'
);
