import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { runIcon } from '@jupyterlab/ui-components';

import { CommandIDs } from '../commandIds';
import { IPipeline, Pipeline } from '../model/pipeline';
import { Trial } from '../model/trial';
import { placeOf, TryTab } from '../views/tryTab';
import { chosenDeployment, chosenModel } from './asking';
import { showTab } from './mainTabs';

/** Deployed models that are asked by hand, as tabs that are there again after a reload. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:try-tabs',
  description: 'Tabs that ask a deployed model.',
  autoStart: true,
  requires: [IPipeline],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    pipeline: Pipeline,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const { commands } = app;
    const { api, deployments } = pipeline;
    const props = {
      trans,
      deployments,
      copy: (text: string): void => Clipboard.copyToSystem(text),
      execute: (id: string, args?: object) => void commands.execute(id, args as never)
    };
    const tracker = new WidgetTracker<MainAreaWidget<TryTab>>({ namespace: 'kd-magics-trials' });
    commands.addCommand(CommandIDs.tryModel, {
      label: trans.__('Try Model…'),
      icon: runIcon,
      execute: async args => {
        const title = trans.__('Try a model');
        const cluster = await chosenDeployment(pipeline, trans, title, args);
        const model = cluster && (await chosenModel(pipeline, trans, title, args, cluster));
        if (!model) {
          return;
        }
        const served = { cluster, name: model.name, version: model.version };
        const name = placeOf(served);
        const make = (): TryTab => {
          const trial = new Trial(api, served);
          void trial.begin();
          return new TryTab({ ...props, trial });
        };
        const isIt = (tab: TryTab): boolean => placeOf(tab.model) === name;
        await showTab(app, tracker, isIt, { name, icon: runIcon, make });
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.tryModel,
      name: tab => placeOf(tab.content.model),
      args: tab => ({ ...tab.content.model })
    });
  }
};

export default plugin;
