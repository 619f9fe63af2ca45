import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, Dialog, MainAreaWidget, showDialog, WidgetTracker } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { codeIcon } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';

import { CommandIDs } from '../commandIds';
import { pipelineIcon } from '../icons';
import { nameOf } from '../jobReference';
import { IPipeline, Pipeline } from '../model/pipeline';
import { JobTab } from '../views/jobTab';
import type { IViewProps } from '../views/section';
import { chosenJob } from './asking';
import { showTab } from './mainTabs';
import { tellTrouble } from './telling';

/** Jobs as tabs of the main area, which are there again after a reload. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:job-tabs',
  description: 'Tabs with the live log of a job.',
  autoStart: true,
  requires: [IPipeline, IRenderMimeRegistry],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    pipeline: Pipeline,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const tracker = new WidgetTracker<MainAreaWidget<JobTab>>({ namespace: 'kd-magics-jobs' });
    const { commands } = app;
    const props: IViewProps = { trans, execute: (id, args) => void commands.execute(id, args) };
    commands.addCommand(CommandIDs.openJob, {
      label: trans.__('Open Job…'),
      icon: pipelineIcon,
      execute: async args => {
        const reference = await chosenJob(pipeline, trans, trans.__('Open a job'), args);
        if (!reference) {
          return;
        }
        const name = nameOf(reference);
        const make = (): JobTab => {
          const watched = pipeline.jobWatch.find(reference);
          return new JobTab({ ...props, api: pipeline.api, watched, rendermime });
        };
        const isIt = (tab: JobTab): boolean => nameOf(tab.reference) === name;
        await showTab(app, tracker, isIt, { name, icon: pipelineIcon, make });
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openJob,
      name: tab => nameOf(tab.content.reference),
      args: tab => ({ ...tab.content.reference })
    });
    commands.addCommand(CommandIDs.showCode, {
      label: trans.__('Show Code of Job…'),
      icon: codeIcon,
      execute: async args => {
        const job = await chosenJob(pipeline, trans, trans.__('Show a job’s code'), args);
        return job && showCode(pipeline, trans, job);
      }
    });
  }
};

export default plugin;

async function showCode(
  { api }: Pipeline,
  trans: TranslationBundle,
  reference: { cluster: string; job: number }
): Promise<void> {
  try {
    const { code } = await api.code(reference.cluster, reference.job);
    const body = new Widget({ node: document.createElement('pre') });
    body.addClass('kd-Code');
    body.node.tabIndex = 0;
    body.node.textContent = code;
    const { button } = await showDialog({
      title: trans.__('Code of job %1', nameOf(reference)),
      body,
      buttons: [
        Dialog.createButton({ label: trans.__('Copy'), actions: ['copy'] }),
        Dialog.okButton({ label: trans.__('Close') })
      ]
    });
    if (button.actions.includes('copy')) {
      Clipboard.copyToSystem(code);
    }
  } catch (error) {
    tellTrouble((error as Error).message);
  }
}
