import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commandIds';

/** Every command in the palette; each asks for what is not named. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:palette',
  description: 'All commands in the command palette.',
  autoStart: true,
  requires: [ICommandPalette],
  optional: [ITranslator],
  activate: (_app: JupyterFrontEnd, palette: ICommandPalette, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const category = trans.__('Training and Deployment');
    Object.values(CommandIDs).forEach(command => palette.addItem({ command, category }));
  }
};

export default plugin;
