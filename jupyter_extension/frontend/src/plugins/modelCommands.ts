import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs } from '../commandIds';
import { IPipeline, Pipeline } from '../model/pipeline';
import { IModelReference, modelName, parseModel } from '../modelReference';
import { chosenModel } from './asking';
import { tell, told } from './telling';

/** The commands that change a registered version; those that open tabs are in modelTabs. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:model-commands',
  description: 'Commands of models: description, aliases, delete.',
  autoStart: true,
  requires: [IPipeline],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, pipeline: Pipeline, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const add = (
      id: string,
      label: string,
      title: string,
      run: (pipeline: Pipeline, trans: TranslationBundle, model: IModelReference) => Promise<void>
    ): void => {
      app.commands.addCommand(id, {
        label,
        execute: async args => {
          const model = await chosenModel(pipeline, trans, title, args);
          if (model) {
            await run(pipeline, trans, model);
          }
        }
      });
    };
    add(
      CommandIDs.describeModel,
      trans.__('Edit Description of Model…'),
      trans.__('Edit a description'),
      describe
    );
    add(CommandIDs.setAlias, trans.__('Set Alias of Model…'), trans.__('Set an alias'), setAlias);
    add(CommandIDs.unregisterModel, trans.__('Delete Model…'), trans.__('Delete a model'), remove);
    app.commands.addCommand(CommandIDs.deleteAlias, {
      label: trans.__('Delete Alias of Model…'),
      execute: async args => {
        const { name, alias } = (await chosenAlias(pipeline, trans, args)) ?? {};
        if (!name || !alias) {
          return;
        }
        const title = trans.__('Delete alias %1?', `${name}/${alias}`);
        const body = trans.__('Clients that ask for it get an error from then on.');
        if (await isSure(trans, title, body, trans.__('Delete the alias'))) {
          const doing = pipeline.api.deleteAlias(name, alias);
          await told(doing, () => trans.__('%1/%2 is deleted.', name, alias));
          await pipeline.models.refresh();
        }
      }
    });
  }
};

export default plugin;

/** Return the alias that a command's arguments name, or ask which one. */
async function chosenAlias(
  pipeline: Pipeline,
  trans: TranslationBundle,
  args: { readonly [name: string]: any }
): Promise<{ name: string; alias: string } | undefined> {
  if (args.name && args.alias) {
    return { name: String(args.name), alias: String(args.alias) };
  }
  const { models } = pipeline;
  await models.refresh();
  const found = (models.value?.models ?? []).flatMap(({ name, aliases }) =>
    aliases.map(version => modelName({ name, version }))
  );
  if (!found.length) {
    tell(models.error?.message ?? trans.__('No model has an alias.'));
    return undefined;
  }
  const { value } = await InputDialog.getItem({
    title: trans.__('Delete an alias'),
    label: trans.__('Alias'),
    items: found
  });
  const chosen = value ? parseModel(value) : undefined;
  return chosen && { name: chosen.name, alias: chosen.version };
}

async function describe(
  pipeline: Pipeline,
  trans: TranslationBundle,
  { name, version }: IModelReference
): Promise<void> {
  const model = pipeline.models.value?.models.find(
    one => one.name === name && one.version === version
  );
  const { button, value } = await InputDialog.getText({
    title: trans.__('Description of %1', modelName({ name, version })),
    label: trans.__('Description'),
    text: model?.description ?? ''
  });
  if (button.accept && value !== null) {
    const doing = pipeline.api.describe(name, version, value);
    await told(doing, () => trans.__('The description of %1/%2 is saved.', name, version));
    await pipeline.models.refresh();
  }
}

async function setAlias(
  pipeline: Pipeline,
  trans: TranslationBundle,
  { name, version }: IModelReference
): Promise<void> {
  const of = (pipeline.models.value?.models ?? []).filter(one => one.name === name);
  const { button, value } = await InputDialog.getItem({
    title: trans.__('Set an alias of %1', modelName({ name, version })),
    label: trans.__('A name that clients ask for, and that can move; choose one or type a new one'),
    items: [...new Set(['champion', ...of.flatMap(one => one.aliases)])],
    editable: true
  });
  const alias = value?.trim();
  if (button.accept && alias) {
    const doing = pipeline.api.setAlias(name, alias, version);
    await told(doing, () => trans.__('%1/%2 is version %3 now.', name, alias, version));
    await pipeline.models.refresh();
  }
}

async function remove(
  pipeline: Pipeline,
  trans: TranslationBundle,
  { name, version }: IModelReference
): Promise<void> {
  await pipeline.models.refresh();
  const model = pipeline.models.value?.models.find(
    one => one.name === name && one.version === version
  );
  const where = model?.deployed_on.join(', ');
  const body = where
    ? trans.__('It is deployed on %1, so it cannot be deleted: take it off there first.', where)
    : trans.__('Its ConfigMap is deleted; its files stay at %1.', model?.path ?? '');
  const title = trans.__('Delete %1?', modelName({ name, version }));
  if (where) {
    await showDialog({ title, body, buttons: [Dialog.okButton({ label: trans.__('Close') })] });
  } else if (await isSure(trans, title, body, trans.__('Delete the version'))) {
    const doing = pipeline.api.unregister(name, version);
    await told(doing, () => trans.__('%1/%2 is deleted.', name, version));
    await pipeline.models.refresh();
  }
}

async function isSure(
  trans: TranslationBundle,
  title: string,
  body: string,
  label: string
): Promise<boolean> {
  const { button } = await showDialog({
    title,
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('Keep') }), Dialog.warnButton({ label })]
  });
  return button.accept;
}
