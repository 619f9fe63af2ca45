import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel } from '@lumino/widgets';

/** What a job has shown has this beside its own forms, in the notebook that sent the job. */
export const MIME_OF_OUTPUT = 'application/vnd.kd-magics.job-output+json';

/**
 * An output of a job that the kernel has put below the job's card: it is drawn as what it is, and
 * the styles hide it where the live cell above shows it already.
 */
export class JobOutput extends Panel implements IRenderMime.IRenderer {
  constructor(private readonly rendermime: IRenderMimeRegistry) {
    super();
    this.addClass('kd-JobOutput');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const data = { ...model.data };
    delete data[MIME_OF_OUTPUT];
    const { metadata, trusted } = model;
    const type = this.rendermime.preferredMimeType(data, trusted ? 'any' : 'ensure');
    this.widgets.forEach(widget => widget.dispose());
    if (type) {
      const renderer = this.rendermime.createRenderer(type);
      await renderer.renderModel(new MimeModel({ data, metadata, trusted }));
      this.addWidget(renderer);
    }
  }
}
