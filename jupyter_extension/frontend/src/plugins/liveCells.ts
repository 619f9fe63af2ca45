import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IPipeline, Pipeline } from '../model/pipeline';
import { LiveCell, MIME } from '../views/liveCellWidget';
import { LiveGrid, MIME_OF_MANY } from '../views/liveGrid';

/** Before the card's HTML, which stays for front ends without this extension. */
const RANK = 10;

/** Outputs of cells that have sent a job are shown live, whichever kernel the notebook has. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:live-cells',
  description: 'Shows the job that a cell has sent, live, in its output.',
  autoStart: true,
  requires: [IPipeline, IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    pipeline: Pipeline,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const props = {
      trans,
      execute: (id: string, args?: { [name: string]: any }) => void app.commands.execute(id, args)
    };
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [MIME],
        createRenderer: () => new LiveCell(pipeline.api, pipeline.jobWatch, rendermime, props)
      },
      RANK
    );
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [MIME_OF_MANY],
        createRenderer: () => new LiveGrid(pipeline.api, pipeline.jobWatch, props)
      },
      RANK
    );
  }
};

export default plugin;
