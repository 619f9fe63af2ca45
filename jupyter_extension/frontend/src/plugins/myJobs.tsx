import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs } from '../commandIds';
import { nameOf, referenceOf } from '../jobReference';
import { endText, titleOf } from '../jobWords';
import type { IJob } from '../messages';
import { IPipeline, Pipeline } from '../model/pipeline';
import { JobsItem } from '../views/jobsItem';
import { secondsSince } from '../words';

const PLUGIN = 'kd-magics:my-jobs';
const SHOWN_MS = 15_000;

/** How many of this user's jobs run, in the status bar; and word of each that ends. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'Tells how many jobs run, and when one has ended.',
  autoStart: true,
  requires: [IPipeline],
  optional: [IStatusBar, ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    pipeline: Pipeline,
    statusBar: IStatusBar | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const { myJobs } = pipeline;
    const execute = (id: string, args?: { [name: string]: any }): void =>
      void app.commands.execute(id, args);
    statusBar?.registerStatusItem(PLUGIN, {
      item: new JobsItem(myJobs, { trans, execute }),
      align: 'left',
      rank: 100,
      isActive: () => myJobs.jobs.length > 0,
      activeStateChanged: myJobs.changed
    });
    let notifyAfter = 0;
    let notifies = true;
    void registry?.load(PLUGIN).then(settings => {
      const read = (): void => {
        notifyAfter = settings.get('notifyAfter').composite as number;
        notifies = settings.get('notify').composite as boolean;
      };
      settings.changed.connect(read);
      read();
    });
    myJobs.ended.connect((_, job) => {
      const hasFailed = job.status !== 'Finished' && job.status !== 'Cancelled';
      const took = job.started ? secondsSince(job.started, job.ended) : 0;
      if (notifies && (hasFailed || took >= notifyAfter)) {
        notify(trans, job, execute);
      }
    });
    void app.restored.then(() => myJobs.want());
  }
};

export default plugin;

function notify(
  trans: TranslationBundle,
  job: IJob,
  execute: (id: string, args: { [name: string]: any }) => void
): void {
  const { status } = job;
  const kind = status === 'Finished' ? 'success' : status === 'Cancelled' ? 'info' : 'error';
  const text = `${titleOf(trans, job)} (${nameOf(job)}): ${endText(trans, job)}`;
  const reference = { ...referenceOf(job) };
  Notification.emit(text, kind, {
    // What has failed stays until it was seen.
    autoClose: kind === 'error' ? false : SHOWN_MS,
    actions: [
      { label: trans.__('Show'), callback: () => execute(CommandIDs.openJob, reference) },
      ...(status === 'Finished'
        ? [
            {
              label: trans.__('Register…'),
              callback: () => execute(CommandIDs.registerModel, reference)
            }
          ]
        : [])
    ]
  });
}
