import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { codeIcon } from '@jupyterlab/ui-components';
import { MessageLoop } from '@lumino/messaging';

import { CommandIDs } from '../commandIds';
import { pipelineIcon } from '../icons';
import { IPipeline, Pipeline } from '../model/pipeline';
import { withMagic } from '../model/trainingCell';
import { chosenEngine } from './asking';
import { tell, tellTrouble } from './telling';

type CellModel = NonNullable<INotebookTracker['activeCell']>['model'];

const LOAD = '%load_ext kd_magics';

/** The commands of a notebook's cells: insert one, run one on an engine. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:cell-commands',
  description: 'Commands of cells: insert one for an engine, run one on an engine.',
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
    const changed = (): void => app.commands.notifyCommandChanged(CommandIDs.runCellOn);
    notebooks?.activeCellChanged.connect(changed);
    app.commands.addCommand(CommandIDs.runCellOn, {
      label: trans.__('Run Cell on…'),
      caption: trans.__('Run the cell as a job on a training engine'),
      icon: pipelineIcon,
      isEnabled: () => codeCell(notebooks) !== undefined,
      execute: async args => {
        const engine = await chosenEngine(pipeline, trans, trans.__('Run the cell on'), args);
        if (engine && notebooks) {
          const magics = pipeline.engines.value?.training.map(one => one.magic) ?? [];
          await runCell(app, notebooks, trans, engine.magic, magics);
        }
      }
    });
  }
};

export default plugin;

/** Return the active cell of the current notebook where it is one with code. */
function codeCell(notebooks: INotebookTracker | null): CellModel | undefined {
  const model = notebooks?.activeCell?.model;
  return model?.type === 'code' ? model : undefined;
}

/** Have the active cell begin with an engine's magic, and run it. */
async function runCell(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  trans: TranslationBundle,
  magic: string,
  magics: string[]
): Promise<void> {
  const kernel = notebooks.currentWidget?.sessionContext.session?.kernel;
  const cell = codeCell(notebooks);
  if (!cell || !kernel) {
    tell(
      cell
        ? trans.__('The notebook has no kernel that could send the cell; choose one.')
        : trans.__('No cell with code is active; click into one.')
    );
    return;
  }
  const source = cell.sharedModel.getSource();
  const changed = withMagic(source, magic, magics);
  if (changed === null) {
    const first = source.trimStart().split('\n')[0];
    tell(trans.__('The cell begins with %1, so it cannot run as a job.', first));
    return;
  }
  const { content } = await kernel.requestExecute({ code: LOAD, silent: true }).done;
  if (content.status !== 'ok') {
    tellTrouble(trans.__('kd-magics is not installed in the Python of this kernel.'));
    return;
  }
  if (changed !== source) {
    cell.sharedModel.setSource(changed);
  }
  await app.commands.execute('notebook:run-cell');
}

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
    tell(trans.__('No notebook is open; open one, and the cell is inserted there.'));
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
