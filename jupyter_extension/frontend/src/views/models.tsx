import { addIcon, PanelWithToolbar, UseSignal } from '@jupyterlab/ui-components';
import { DisposableSet, IDisposable } from '@lumino/disposable';
import React from 'react';

import { CommandIDs } from '../commandIds';
import type { IDeployment, IModelRegistry } from '../messages';
import type { Pipeline } from '../model/pipeline';
import { modelName, placesOf, searched } from '../modelReference';
import { ModelRow } from './modelRow';
import { addHeaderButton, IViewProps, Notices, Section } from './section';
import { VirtualList } from './virtualList';

const ROW_HEIGHT = 64;

/** Return the section Models. */
export function modelsSection(pipeline: Pipeline, props: IViewProps): PanelWithToolbar {
  const { trans, execute } = props;
  const panel = new PanelWithToolbar();
  panel.title.label = trans.__('Models');
  const label = trans.__('Register a model…');
  addHeaderButton(panel, addIcon, label, () => execute(CommandIDs.registerModel));
  panel.addWidget(new ModelsSection(pipeline, props));
  return panel;
}

/** The registry's models, and what is not as it should be around it. */
class ModelsSection extends Section<IModelRegistry> {
  constructor(
    private readonly pipeline: Pipeline,
    props: IViewProps
  ) {
    super(pipeline.models, props, registry => (
      <UseSignal signal={pipeline.about.changed}>
        {() => (
          <UseSignal signal={pipeline.deployments.changed}>
            {() => (
              <ModelsView
                {...props}
                registry={registry}
                notices={pipeline.about.value?.notices}
                deployments={pipeline.deployments.value?.deployments}
              />
            )}
          </UseSignal>
        )}
      </UseSignal>
    ));
  }

  protected want(): IDisposable {
    const { about, deployments } = this.pipeline;
    return DisposableSet.from([super.want(), about.want(), deployments.want()]);
  }
}

/** The registered versions, and what is wrong with ConfigMaps that are no whole models. */
export function ModelsView(
  props: IViewProps & {
    registry: IModelRegistry;
    notices?: string[];
    deployments?: IDeployment[];
  }
): JSX.Element {
  const { trans, execute, registry } = props;
  const notices = [...new Set([...(props.notices ?? []), ...registry.problems])];
  const [text, setText] = React.useState('');
  const models = React.useMemo(() => searched(registry.models, text), [registry.models, text]);
  if (!registry.models.length) {
    return (
      <div className="kd-Models">
        <Notices notices={notices} />
        <p className="kd-Empty">
          {trans.__('No model yet: register what a job has written, or files of the repository.')}
        </p>
        <button
          type="button"
          className="kd-Button kd-Models-begin"
          onClick={() => execute(CommandIDs.registerModel)}
        >
          {trans.__('Register a model…')}
        </button>
      </div>
    );
  }
  return (
    <div className="kd-Models">
      <div className="kd-JobFilter" role="search" aria-label={trans.__('Models')}>
        <input
          type="search"
          className="jp-mod-styled"
          value={text}
          maxLength={200}
          placeholder={trans.__('Name, alias, author, notebook, job')}
          aria-label={trans.__('Search models')}
          onChange={event => setText(event.target.value)}
        />
        <div className="kd-Quiet kd-JobRow-place" title={registry.place}>
          {trans.__('Registered in %1', registry.place)}
        </div>
      </div>
      <Notices notices={notices} />
      {models.length ? (
        <VirtualList
          label={trans.__('Models')}
          rows={models}
          keyOf={modelName}
          estimate={ROW_HEIGHT}
          render={model => (
            <ModelRow
              trans={trans}
              execute={execute}
              model={model}
              states={placesOf(model, props.deployments ?? [])}
            />
          )}
        />
      ) : (
        <p className="kd-Empty">{trans.__('No model is like this.')}</p>
      )}
    </div>
  );
}
