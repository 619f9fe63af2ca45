import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { notebookIcon } from '@jupyterlab/ui-components';

import { CommandIDs } from '../commandIds';
import type { INotebookPlace } from '../messages';
import { IPipeline, Pipeline } from '../model/pipeline';
import { chosenJob } from './asking';
import { tell, tellTrouble } from './telling';

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
      label: trans.__('Open Notebook of Job…'),
      icon: notebookIcon,
      execute: async args => {
        let cell = '';
        let place: INotebookPlace;
        try {
          const origin = args.notebook ? args : await chosenOrigin(pipeline, trans, args);
          if (!origin) {
            return;
          }
          cell = String(origin.cell ?? '');
          place = await pipeline.api.notebookPlace(String(origin.notebook), cell);
        } catch (error) {
          tellTrouble((error as Error).message);
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
          tell(trans.__('The cell is no longer in this notebook.'));
        }
      }
    });
  }
};

export default plugin;

/** Return the notebook and the cell of a job that is named, or chosen of those that tell theirs. */
async function chosenOrigin(
  pipeline: Pipeline,
  trans: TranslationBundle,
  args: { readonly [name: string]: any }
): Promise<{ notebook: string; cell: string } | undefined> {
  const title = trans.__('Open the notebook of a job');
  const chosen = await chosenJob(pipeline, trans, title, args, job => Boolean(job.origin.notebook));
  if (!chosen) {
    return undefined;
  }
  const { origin } = await pipeline.api.job(chosen.cluster, chosen.job);
  return { notebook: origin.notebook ?? '', cell: origin.cell_id ?? '' };
}
