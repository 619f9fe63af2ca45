import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IPipeline, Pipeline } from '../model/pipeline';
import { JobOutput, MIME_OF_OUTPUT } from '../views/jobOutput';
import { LiveCell, MIME } from '../views/liveCellWidget';
import { LiveGrid, MIME_OF_MANY } from '../views/liveGrid';

const PLUGIN = 'kd-magics:live-cells';
/** Before the card's HTML, which stays for front ends without this extension. */
const RANK = 10;

/** Outputs of cells that have sent a job are shown live, whichever kernel the notebook has. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'Shows the job that a cell has sent, live, in its output.',
  autoStart: true,
  requires: [IPipeline, IRenderMimeRegistry],
  optional: [ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    pipeline: Pipeline,
    rendermime: IRenderMimeRegistry,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const props = {
      trans,
      execute: (id: string, args?: { [name: string]: any }) => void app.commands.execute(id, args)
    };
    const { api, jobWatch } = pipeline;
    const show = (live: boolean, logLines?: number): void => {
      [MIME, MIME_OF_MANY, MIME_OF_OUTPUT].forEach(type => rendermime.removeMimeType(type));
      if (live) {
        const job = (): LiveCell => new LiveCell(api, jobWatch, rendermime, props, logLines);
        const output = (): JobOutput => new JobOutput(rendermime);
        const grid = (): LiveGrid => new LiveGrid(api, jobWatch, props);
        rendermime.addFactory({ safe: true, mimeTypes: [MIME], createRenderer: job }, RANK);
        rendermime.addFactory(
          { safe: true, mimeTypes: [MIME_OF_MANY], createRenderer: grid },
          RANK
        );
        rendermime.addFactory(
          { safe: true, mimeTypes: [MIME_OF_OUTPUT], createRenderer: output },
          RANK
        );
      }
    };
    show(true);
    void registry?.load(PLUGIN).then(settings => {
      const read = (): void => {
        const { live, logLines } = settings.composite;
        show(live as boolean, logLines as number);
      };
      settings.changed.connect(read);
      read();
    });
  }
};

export default plugin;
