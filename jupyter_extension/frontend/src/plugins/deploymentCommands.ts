import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs } from '../commandIds';
import type { IDeployment } from '../messages';
import { IPipeline, Pipeline } from '../model/pipeline';
import { modelName } from '../modelReference';
import { NewDeploymentBody } from '../views/newDeployment';
import { chosenDeployment, chosenModel } from './asking';
import { tellTrouble, told } from './telling';

type Args = { readonly [name: string]: any };

/** The commands that change what deployments serve; each asks for what is not named. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:deployment-commands',
  description: 'Commands of deployments: deploy, take off, engines, new.',
  autoStart: true,
  requires: [IPipeline],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, pipeline: Pipeline, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const add = (
      id: string,
      label: string,
      run: (pipeline: Pipeline, trans: TranslationBundle, args: Args) => Promise<void>
    ): void => {
      app.commands.addCommand(id, { label, execute: args => run(pipeline, trans, args) });
    };
    add(CommandIDs.deployModel, trans.__('Deploy Model…'), deploy);
    add(CommandIDs.undeployModel, trans.__('Take Model off a Deployment…'), undeploy);
    add(CommandIDs.setMembers, trans.__('Change Engines of a Deployment…'), setMembers);
    add(CommandIDs.newDeployment, trans.__('New Deployment…'), newDeployment);
  }
};

export default plugin;

/** Wait for a change of a deployment, tell how it went, and show what is now. */
async function changing(
  pipeline: Pipeline,
  doing: Promise<IDeployment>,
  success: (deployment: IDeployment) => string
): Promise<void> {
  await told(doing, success);
  await Promise.all([pipeline.deployments.refresh(), pipeline.models.refresh()]);
}

async function deploy(pipeline: Pipeline, trans: TranslationBundle, args: Args): Promise<void> {
  const model = await chosenModel(pipeline, trans, trans.__('Deploy a model'), args);
  const title = model && trans.__('Deploy %1', modelName(model));
  const cluster = title && (await chosenDeployment(pipeline, trans, title, args));
  if (model && cluster) {
    const { name, version } = model;
    await changing(pipeline, pipeline.api.deploy(cluster, name, version), () =>
      trans.__('%1 loads %2; it is asked once it is ready.', cluster, modelName(model))
    );
  }
}

async function undeploy(pipeline: Pipeline, trans: TranslationBundle, args: Args): Promise<void> {
  const cluster = await chosenDeployment(pipeline, trans, trans.__('Take a model off'), args);
  const model =
    cluster && (await chosenModel(pipeline, trans, trans.__('Take a model off'), args, cluster));
  if (!cluster || !model) {
    return;
  }
  const { button } = await showDialog({
    title: trans.__('Take %1 off %2?', modelName(model), cluster),
    body: trans.__('Requests that it has begun are answered; later ones are refused.'),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Keep') }),
      Dialog.warnButton({ label: trans.__('Take it off') })
    ]
  });
  if (button.accept) {
    const { name, version } = model;
    await changing(pipeline, pipeline.api.undeploy(cluster, name, version), () =>
      trans.__('%1 is taken off %2.', modelName(model), cluster)
    );
  }
}

async function setMembers(pipeline: Pipeline, trans: TranslationBundle, args: Args): Promise<void> {
  const title = trans.__('Change the engines of a deployment');
  const cluster = await chosenDeployment(pipeline, trans, title, args);
  if (!cluster) {
    return;
  }
  const now = pipeline.deployments.value?.deployments.find(one => one.name === cluster);
  const { button, value } = await InputDialog.getNumber({
    title: trans.__('Engines of %1', cluster),
    label: trans.__('How many engines share its requests'),
    value: now?.members_wanted ?? 1
  });
  if (button.accept && value !== null) {
    await changing(pipeline, pipeline.api.setMembers(cluster, value), one =>
      trans._n('%2 shall have %1 engine.', '%2 shall have %1 engines.', one.members_wanted, cluster)
    );
  }
}

async function newDeployment(pipeline: Pipeline, trans: TranslationBundle): Promise<void> {
  const { deployments, models } = pipeline;
  await Promise.all([deployments.refresh(), models.refresh()]);
  const apps = deployments.value?.apps ?? [];
  if (!apps.length) {
    tellTrouble(
      deployments.error?.message ??
        trans.__('No kind of deployment engine is known: the registry has no such kdapp.')
    );
    return;
  }
  const { button, value } = await showDialog({
    title: trans.__('New deployment'),
    body: new NewDeploymentBody(trans, apps, (models.value?.models ?? []).map(modelName)),
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Create') })]
  });
  if (button.accept && value) {
    await changing(pipeline, pipeline.api.newDeployment(value), one =>
      trans.__('%1 is being set up.', one.name)
    );
  }
}
