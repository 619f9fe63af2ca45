import type { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { INewDeployment } from '../messages';

/** What a new deployment may be called: a Kubernetes name. */
const NAME = '[a-z0-9]([a-z0-9\\-]{0,61}[a-z0-9])?';
const MOST_MEMBERS = 64;

/** A dialog's body that asks what a new deployment shall be. */
export class NewDeploymentBody extends ReactWidget implements Dialog.IBodyWidget<INewDeployment> {
  private fields: INewDeployment;

  constructor(
    private readonly trans: TranslationBundle,
    private readonly apps: string[],
    private readonly models: string[]
  ) {
    super();
    this.addClass('kd-Rerun');
    this.fields = { name: '', app: apps[0] ?? '', members: 1, models: [] };
  }

  getValue(): INewDeployment {
    return this.fields;
  }

  protected render(): JSX.Element {
    const { trans, apps, models, fields } = this;
    const change = (changed: Partial<INewDeployment>): void => {
      this.fields = { ...this.fields, ...changed };
      this.update();
    };
    return (
      <>
        <label>
          {trans.__('Name')}
          <input
            className="jp-mod-styled"
            value={fields.name}
            required
            pattern={NAME}
            spellCheck={false}
            title={trans.__('small letters, digits and dashes')}
            onChange={event => change({ name: event.target.value })}
          />
        </label>
        <label>
          {trans.__('Kind of engine')}
          <select
            className="jp-mod-styled"
            value={fields.app}
            onChange={event => change({ app: event.target.value })}
          >
            {apps.map(app => (
              <option key={app}>{app}</option>
            ))}
          </select>
        </label>
        <label>
          {trans.__('Engines')}
          <input
            className="jp-mod-styled"
            type="number"
            min={1}
            max={MOST_MEMBERS}
            required
            value={Number.isNaN(fields.members) ? '' : fields.members}
            onChange={event => change({ members: event.target.valueAsNumber })}
          />
        </label>
        <label>
          {trans.__('Model')}
          <select
            className="jp-mod-styled"
            value={fields.models?.[0] ?? ''}
            onChange={event => change({ models: event.target.value ? [event.target.value] : [] })}
          >
            <option value="">{trans.__('none yet')}</option>
            {models.map(model => (
              <option key={model}>{model}</option>
            ))}
          </select>
        </label>
      </>
    );
  }
}
