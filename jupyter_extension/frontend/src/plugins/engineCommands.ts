import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { codeIcon, copyIcon, infoIcon } from '@jupyterlab/ui-components';
import { MessageLoop } from '@lumino/messaging';

import { CommandIDs } from '../commandIds';
import { IPipeline, Pipeline } from '../model/pipeline';
import { engineDetails } from '../views/engineDetails';
import { chosenEngine } from './asking';

/** The commands of engines: insert a cell for one, show what a job finds on it. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:engine-commands',
  description: 'Commands of training clusters.',
  autoStart: true,
  requires: [IPipeline],
  optional: [INotebookTracker, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    pipeline: Pipeline,
    notebooks: INotebookTracker | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    app.commands.addCommand(CommandIDs.insertCell, {
      label: args =>
        args.cluster
          ? trans.__('Insert a Cell That Runs on %1', String(args.cluster))
          : trans.__('Insert a Cell That Runs on an Engine…'),
      icon: codeIcon,
      execute: async args => {
        if (args.source) {
          return insertCell(app, notebooks, trans, String(args.source));
        }
        const engine = await chosenEngine(pipeline, trans, trans.__('Insert a cell'), args);
        if (engine) {
          await insertCell(app, notebooks, trans, `%%${engine.magic}\n`);
        }
      }
    });
    app.commands.addCommand(CommandIDs.copyName, {
      label: trans.__('Copy Name'),
      icon: copyIcon,
      isVisible: args => Boolean(args.cluster),
      execute: args => {
        Clipboard.copyToSystem(String(args.cluster));
        Notification.success(trans.__('%1 is copied.', args.cluster), { autoClose: 2_000 });
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

/**
 * Put a code cell below the active one of the current notebook, with the cursor at its end.
 *
 * An active cell in which nothing stands becomes that cell.
 */
async function insertCell(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker | null,
  trans: TranslationBundle,
  source: string
): Promise<void> {
  const panel = notebooks?.currentWidget;
  if (!panel?.content.model) {
    Notification.info(trans.__('No notebook is open; open one, and the cell is inserted there.'));
    return;
  }
  const notebook = panel.content;
  const model = panel.content.model.sharedModel;
  const active = model.cells[notebook.activeCellIndex];
  if (active?.cell_type === 'code' && active.source === '') {
    active.setSource(source);
  } else {
    const index = notebook.activeCellIndex + 1;
    model.insertCell(index, { cell_type: 'code', source });
    notebook.activeCellIndex = index;
  }
  notebook.deselectAll();
  app.shell.activateById(panel.id);
  await notebook.activeCell?.ready;
  // To activate takes the focus in a message of its own, and with it the notebook's mode.
  MessageLoop.flush();
  await new Promise(requestAnimationFrame);
  notebook.mode = 'edit';
  const editor = notebook.activeCell?.editor;
  if (editor) {
    editor.setCursorPosition(editor.getPositionAt(source.length)!);
    editor.focus();
  }
}
