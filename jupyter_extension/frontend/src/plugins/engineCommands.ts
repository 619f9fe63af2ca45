import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { copyIcon, infoIcon } from '@jupyterlab/ui-components';

import { CommandIDs } from '../commandIds';
import { IPipeline, Pipeline } from '../model/pipeline';
import { engineDetails } from '../views/engineDetails';
import { chosenEngine } from './asking';
import { tellDone } from './telling';

/** The commands of engines: their names, and what a job finds on one. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:engine-commands',
  description: 'Commands of training clusters.',
  autoStart: true,
  requires: [IPipeline],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, pipeline: Pipeline, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    app.commands.addCommand(CommandIDs.copyName, {
      label: trans.__('Copy Name of an Engine…'),
      icon: copyIcon,
      execute: async args => {
        const title = trans.__('Copy a name');
        // A deployment cluster has a name, too.
        const name = args.cluster ?? (await chosenEngine(pipeline, trans, title, args))?.name;
        if (name) {
          Clipboard.copyToSystem(String(name));
          tellDone(trans.__('%1 is copied.', name));
        }
      }
    });
    app.commands.addCommand(CommandIDs.showEngine, {
      label: args =>
        args.cluster
          ? trans.__('Details of %1', String(args.cluster))
          : trans.__('Details of an Engine…'),
      icon: infoIcon,
      execute: async args => {
        const engine = await chosenEngine(pipeline, trans, trans.__('Show an engine'), args);
        if (engine) {
          const environment = () => pipeline.api.environment(engine.name);
          await showDialog({
            title: engine.name,
            body: engineDetails({ trans, engine, environment }),
            buttons: [Dialog.okButton({ label: trans.__('Close') })]
          });
        }
      }
    });
  }
};

export default plugin;
