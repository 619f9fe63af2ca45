import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { notebookIcon } from '@jupyterlab/ui-components';

import { CommandIDs } from '../commandIds';
import type { INotebookPlace } from '../messages';
import { IPipeline, Pipeline } from '../model/pipeline';

/** A notebook's tab, as far as it is needed here. */
interface IOpened {
  context: { ready: Promise<void> };
  content: { widgets: readonly { model: { id: string } }[] };
  setFragment(fragment: string): void;
}

/** Opens the notebook that a job or a model came from, at its cell. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:notebooks',
  description: 'Opens the notebook that a job or a model came from.',
  autoStart: true,
  requires: [IPipeline],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, pipeline: Pipeline, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    app.commands.addCommand(CommandIDs.openNotebook, {
      label: trans.__('Open Notebook at Its Cell'),
      icon: notebookIcon,
      isVisible: args => Boolean(args.notebook),
      execute: async args => {
        const cell = String(args.cell ?? '');
        let place: INotebookPlace;
        try {
          place = await pipeline.api.notebookPlace(String(args.notebook), cell);
        } catch (error) {
          Notification.error((error as Error).message);
          return;
        }
        const opened: IOpened | undefined = await app.commands.execute('docmanager:open', {
          path: place.path
        });
        // Notebook 7 opens it in another page, and returns nothing.
        await opened?.context.ready;
        // What is open may have more cells than what is saved.
        if (opened?.content.widgets.some(one => one.model.id === cell) ?? place.has_cell) {
          opened?.setFragment(`#cell-id=${cell}`);
        } else if (cell) {
          Notification.info(trans.__('The cell is no longer in this notebook.'));
        }
      }
    });
  }
};

export default plugin;
