import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, Dialog, MainAreaWidget, showDialog, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs } from '../commandIds';
import { pipelineIcon } from '../icons';
import { ModelWatch } from '../model/modelWatch';
import { IPipeline, Pipeline } from '../model/pipeline';
import { RegistrationForm } from '../model/registrationForm';
import { modelName } from '../modelReference';
import { FilePicker } from '../views/filePicker';
import { ModelTab } from '../views/modelTab';
import { RegisterTab } from '../views/registerForm';
import { chosenModel } from './asking';
import { showTab } from './mainTabs';

/** Models as tabs of the main area, and the form that registers one. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:model-tabs',
  description: 'Tabs with the lineage of a model, and the form that registers one.',
  autoStart: true,
  requires: [IPipeline],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    pipeline: Pipeline,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const { commands } = app;
    const copy = (text: string): void => Clipboard.copyToSystem(text);
    const props = {
      trans,
      copy,
      execute: (id: string, args?: object) => void commands.execute(id, args as never)
    };
    const models = new WidgetTracker<MainAreaWidget<ModelTab>>({ namespace: 'kd-magics-models' });
    commands.addCommand(CommandIDs.openModel, {
      label: trans.__('Open Model…'),
      icon: pipelineIcon,
      execute: async args => {
        const reference = await chosenModel(pipeline, trans, trans.__('Open a model'), args);
        if (!reference) {
          return;
        }
        const name = modelName(reference);
        const make = (): ModelTab =>
          new ModelTab({
            ...props,
            watch: new ModelWatch(pipeline.api, pipeline.models, reference)
          });
        const isIt = (tab: ModelTab): boolean => modelName(tab.watch.reference) === name;
        await showTab(app, models, isIt, { name, icon: pipelineIcon, make });
      }
    });
    void restorer?.restore(models, {
      command: CommandIDs.openModel,
      name: tab => modelName(tab.content.watch.reference),
      args: tab => ({ ...tab.content.watch.reference })
    });
    const forms = new WidgetTracker<MainAreaWidget<RegisterTab>>({ namespace: 'kd-magics-forms' });
    commands.addCommand(CommandIDs.registerModel, {
      label: trans.__('Register a Model…'),
      icon: pipelineIcon,
      execute: async args => {
        const job = args.cluster && args.job ? `${args.cluster}/${args.job}` : '';
        const make = (): RegisterTab => {
          const form = new RegistrationForm(pipeline.api);
          const browse = (field: 'path' | 'scoring_path'): Promise<string | undefined> =>
            chosenPath(pipeline, trans, field, form.fields[field]);
          form.changed.connect(() => form.registered && void pipeline.models.refresh());
          return new RegisterTab({ ...props, form, jobs: pipeline.jobs, browse });
        };
        const tab = { name: 'Register a model', icon: pipelineIcon, make };
        const { form } = await showTab(app, forms, one => !one.isDisposed, tab);
        await form.begin(job, String(args.name ?? ''));
      }
    });
    void restorer?.restore(forms, { command: CommandIDs.registerModel, name: () => 'form' });
  }
};

export default plugin;

/** Have a file or folder of the project repository chosen; undefined where none was. */
async function chosenPath(
  { api }: Pipeline,
  trans: TranslationBundle,
  field: 'path' | 'scoring_path',
  now: string
): Promise<string | undefined> {
  const isScript = field === 'scoring_path';
  const inside = now.includes('://') ? '' : now.split('/').slice(0, -1).join('/');
  const { button, value } = await showDialog({
    title: isScript ? trans.__('Choose the scoring script') : trans.__('Choose the model'),
    body: new FilePicker({
      trans,
      list: api.repository,
      begin: inside || (isScript ? 'code' : 'models'),
      fits: entry => (isScript ? !entry.is_folder && entry.name.endsWith('.py') : true)
    }),
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Choose') })]
  });
  return button.accept && value ? value : undefined;
}
