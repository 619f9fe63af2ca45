import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, downloadIcon, refreshIcon } from '@jupyterlab/ui-components';

import { CommandIDs } from '../commandIds';
import { IJobReference, isEnded, nameOf, referenceOf } from '../jobReference';
import { titleOf } from '../jobWords';
import type { IJob } from '../messages';
import { IPipeline, Pipeline } from '../model/pipeline';
import { changedParams, problemOf } from '../model/rerun';
import { RerunBody } from '../views/rerunDialog';
import { chosenJob } from './asking';
import { tellTrouble, told } from './telling';

/** The commands that do something with a job; those that open tabs are in jobTabs. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:job-commands',
  description: 'Commands of jobs: cancel, run again, download.',
  autoStart: true,
  requires: [IPipeline],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, pipeline: Pipeline, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const { commands } = app;
    commands.addCommand(CommandIDs.cancelJob, {
      label: trans.__('Cancel Job…'),
      icon: closeIcon,
      isEnabled: args => {
        const job = known(pipeline, args);
        return !job || !isEnded(job.status);
      },
      execute: async args => {
        const fits = (job: IJob): boolean => !isEnded(job.status);
        const job = await chosenJob(pipeline, trans, trans.__('Cancel a job'), args, fits);
        return job && cancel(pipeline, trans, job);
      }
    });
    commands.addCommand(CommandIDs.rerunJob, {
      label: trans.__('Run Job Again…'),
      icon: refreshIcon,
      execute: async args => {
        const job = await chosenJob(pipeline, trans, trans.__('Run a job again'), args);
        const sent = job && (await rerun(pipeline, trans, job));
        if (sent) {
          void commands.execute(CommandIDs.openJob, { ...referenceOf(sent) });
        }
      }
    });
    const addDownload = (
      id: string,
      label: string,
      title: string,
      url: (cluster: string, job: number) => string
    ): void => {
      commands.addCommand(id, {
        label,
        icon: downloadIcon,
        execute: async args => {
          const job = await chosenJob(pipeline, trans, title, args);
          if (job) {
            download(url(job.cluster, job.job));
          }
        }
      });
    };
    const { api } = pipeline;
    addDownload(
      CommandIDs.downloadJob,
      trans.__('Download Job as Notebook…'),
      trans.__('Download a job'),
      api.notebookUrl
    );
    addDownload(
      CommandIDs.downloadLog,
      trans.__('Download Log of Job…'),
      trans.__('Download a log'),
      api.logUrl
    );
  }
};

export default plugin;

/** Have the browser download something under the name that the server gives it. */
function download(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  link.click();
}

/** Return a job that a command's arguments name, where it is known already. */
function known(pipeline: Pipeline, args: { readonly [name: string]: any }): IJob | undefined {
  const lists = [pipeline.jobList.value?.jobs, pipeline.jobs.value?.jobs];
  return lists
    .flatMap(jobs => jobs ?? [])
    .find(job => job.cluster === args.cluster && job.id === Number(args.job));
}

/** Show at once what was changed. */
function changed(pipeline: Pipeline, job: IJob): void {
  pipeline.jobWatch.take(job);
  void pipeline.jobList.refresh();
  void pipeline.jobs.refresh();
}

async function cancel(
  pipeline: Pipeline,
  trans: TranslationBundle,
  job: IJobReference
): Promise<void> {
  const name = nameOf(job);
  const { button } = await showDialog({
    title: trans.__('Cancel job %1?', name),
    body: trans.__('Its processes are ended. Its log and its files stay.'),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Keep running') }),
      Dialog.warnButton({ label: trans.__('Cancel the job') })
    ]
  });
  if (button.accept) {
    const asked = pipeline.api.cancel(job.cluster, job.job);
    const ended = await told(asked, () => trans.__('Job %1 is being cancelled.', name));
    if (ended) {
      changed(pipeline, ended);
    }
  }
}

async function rerun(
  pipeline: Pipeline,
  trans: TranslationBundle,
  reference: IJobReference
): Promise<IJob | undefined> {
  const name = nameOf(reference);
  let job: IJob;
  try {
    job = await pipeline.api.job(reference.cluster, reference.job);
  } catch (error) {
    tellTrouble((error as Error).message);
    return undefined;
  }
  const body = new RerunBody(job, trans);
  const { button, value } = await showDialog({
    title: trans.__('Run job %1 again', name),
    body,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Run') })]
  });
  if (!button.accept || !value) {
    return undefined;
  }
  const wrong = Object.keys(job.params).find(one => problemOf(value.params[one], job.params[one]));
  if (wrong !== undefined) {
    tellTrouble(trans.__('%1 is not a JSON value; nothing was sent.', wrong));
    return undefined;
  }
  const params = changedParams(value.params, job.params);
  const sending = pipeline.api.rerun(job.cluster, job.id, { params, name: value.name });
  const sent = await told(sending, one =>
    trans.__('Sent: %1 (%2).', nameOf(one), titleOf(trans, one))
  );
  if (sent) {
    changed(pipeline, sent);
  }
  return sent;
}
