import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Api } from '../api';
import { IPipeline, Pipeline } from '../model/pipeline';

/** Provides the clusters of this server to the other plugins. */
const plugin: JupyterFrontEndPlugin<Pipeline> = {
  id: 'kd-magics:pipeline',
  description: 'What the server extension tells of engines, jobs, models and deployments.',
  autoStart: true,
  provides: IPipeline,
  activate: (app: JupyterFrontEnd) => new Pipeline(new Api(app.serviceManager.serverSettings))
};

export default plugin;
