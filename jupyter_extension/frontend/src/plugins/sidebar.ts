import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { SidePanel } from '@jupyterlab/ui-components';

import { CommandIDs } from '../commandIds';
import { pipelineIcon } from '../icons';
import { IPipeline, Pipeline } from '../model/pipeline';
import { deploymentsSection } from '../views/deployments';
import { enginesSection } from '../views/engines';
import { jobsSection } from '../views/jobs';
import { modelsSection } from '../views/models';
import type { IViewProps } from '../views/section';

export const SIDEBAR_ID = 'kd-magics-sidebar';

/** The sidebar with its four sections. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:sidebar',
  description: 'Engines, jobs, models and deployments in a sidebar.',
  autoStart: true,
  requires: [IPipeline],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    pipeline: Pipeline,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ) => {
    translator = translator ?? nullTranslator;
    const trans = translator.load('kd_magics');
    const panel = new SidePanel({ translator });
    panel.id = SIDEBAR_ID;
    panel.addClass('kd-Sidebar');
    panel.title.icon = pipelineIcon;
    panel.title.caption = trans.__('Training and deployment');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('Training and deployment'));
    const props: IViewProps = {
      trans,
      execute: (id, args) => void app.commands.execute(id, args)
    };
    panel.addWidget(enginesSection(pipeline, props));
    panel.addWidget(jobsSection(pipeline, props));
    panel.addWidget(modelsSection(pipeline, props));
    panel.addWidget(deploymentsSection(pipeline, props));
    app.shell.add(panel, 'left', { rank: 650 });
    restorer?.add(panel, SIDEBAR_ID);
    app.commands.addCommand(CommandIDs.openSidebar, {
      label: trans.__('Open Training and Deployment'),
      icon: pipelineIcon,
      execute: () => app.shell.activateById(SIDEBAR_ID)
    });
  }
};

export default plugin;
