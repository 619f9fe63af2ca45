import { UseSignal } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import React from 'react';

import type { IDeploymentList, IPredictField } from '../messages';
import { isWrong } from '../model/predictForm';
import type { IServedModel, Trial } from '../model/trial';
import { modelName } from '../modelReference';
import { IViewProps, IWanted, Loading, Notices, Trouble } from './section';
import { SeenWidget } from './seenWidget';
import { Reply, Requests } from './tryReply';

/** What the tab "Try" is made of. */
export interface ITryProps extends IViewProps {
  trial: Trial;
  /** Where the versions are that can be asked beside it. */
  deployments: IWanted<IDeploymentList>;
  copy: (text: string) => void;
}

/** A deployed version that is asked by hand, in the main area. */
export class TryTab extends SeenWidget {
  constructor(private readonly props: ITryProps) {
    super();
    this.addClass('kd-TryTab');
    this.title.label = props.trans.__('Try %1', modelName(props.trial.model));
    this.disposed.connect(() => props.trial.dispose());
  }

  get model(): IServedModel {
    return this.props.trial.model;
  }

  protected want(): IDisposable {
    return this.props.deployments.want();
  }

  protected render(): JSX.Element {
    const { trial, deployments } = this.props;
    return (
      <UseSignal signal={trial.changed}>
        {() => (
          <UseSignal signal={deployments.changed}>{() => <TryView {...this.props} />}</UseSignal>
        )}
      </UseSignal>
    );
  }
}

/** The arguments, and the answers side by side. */
export function TryView(props: ITryProps): JSX.Element {
  const { trans, trial } = props;
  const { form, error, replies } = trial;
  const asked = replies[0]?.prediction;
  return (
    <>
      <h2>{trans.__('Try %1 on %2', modelName(trial.model), trial.model.cluster)}</h2>
      {error && <Trouble error={error} />}
      {!form && !error && <Loading trans={trans} />}
      {form && <ArgumentsForm {...props} />}
      <div className="kd-Try-replies">
        {replies.map((reply, number) => (
          <Reply key={number} trans={trans} reply={reply} />
        ))}
      </div>
      {asked && <Requests {...props} prediction={asked} />}
    </>
  );
}

function ArgumentsForm(props: ITryProps): JSX.Element {
  const { trans, trial } = props;
  const { form, isJson } = trial;
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    void trial.ask();
  };
  return (
    <form aria-label={trans.__('Arguments')} onSubmit={submit}>
      {form!.source === 'none' && (
        <Notices
          notices={[
            trans.__(
              'This version was registered without an example or a signature that names its inputs.'
            )
          ]}
        />
      )}
      {isJson ? <JsonField {...props} /> : <Fields {...props} fields={form!.fields} />}
      <div className="kd-JobHeader-buttons">
        <button
          type="submit"
          className="kd-Button kd-Button-main"
          disabled={trial.isWrong || trial.isAsking}
        >
          {trans.__('Predict')}
        </button>
        {form!.fields.length > 0 && (
          <button
            type="button"
            className="kd-Button"
            disabled={isJson ? !trial.canBeFields : trial.isWrong}
            onClick={() => trial.edit(!isJson)}
          >
            {isJson ? trans.__('Edit in fields') : trans.__('Edit as JSON')}
          </button>
        )}
        <OtherVersion {...props} />
      </div>
    </form>
  );
}

function Fields({ trans, trial, fields }: ITryProps & { fields: IPredictField[] }): JSX.Element {
  return (
    <>
      <div className="kd-Try-fields">
        {fields.map(field => (
          <Field
            key={field.name}
            trans={trans}
            field={field}
            text={trial.texts[field.name]}
            change={text => trial.setText(field.name, text)}
          />
        ))}
      </div>
      <p className="kd-Quiet">{trans.__('A field that is empty is left out.')}</p>
    </>
  );
}

function Field(props: {
  trans: IViewProps['trans'];
  field: IPredictField;
  text: string;
  change: (text: string) => void;
}): JSX.Element {
  const { trans, field, text, change } = props;
  const id = React.useId();
  const wrong = isWrong(field, text);
  const words: { [type in IPredictField['type']]: string } = {
    string: trans.__('a text'),
    number: trans.__('a number'),
    integer: trans.__('a whole number'),
    boolean: trans.__('true or false'),
    json: trans.__('a JSON value')
  };
  return (
    <div className="kd-Try-field">
      <label htmlFor={id}>{field.name}</label>
      {field.type === 'boolean' ? (
        <select
          id={id}
          className="jp-mod-styled"
          value={text}
          onChange={event => change(event.target.value)}
        >
          <option value="">–</option>
          <option>true</option>
          <option>false</option>
        </select>
      ) : (
        <input
          id={id}
          className="jp-mod-styled"
          value={text}
          spellCheck={false}
          inputMode={field.type === 'integer' || field.type === 'number' ? 'decimal' : undefined}
          aria-invalid={wrong}
          aria-describedby={`${id}-words`}
          onChange={event => change(event.target.value)}
        />
      )}
      <span id={`${id}-words`} className={wrong ? 'kd-Problem' : 'kd-Quiet'}>
        {wrong
          ? trans.__('This must be %1.', words[field.type])
          : field.description || words[field.type]}
      </span>
    </div>
  );
}

function JsonField({ trans, trial }: ITryProps): JSX.Element {
  const id = React.useId();
  return (
    <div className="kd-Try-json">
      <label htmlFor={id}>{trans.__('Arguments (JSON)')}</label>
      <textarea
        id={id}
        className="jp-mod-styled"
        rows={8}
        value={trial.json}
        spellCheck={false}
        aria-invalid={trial.isWrong}
        aria-describedby={trial.isWrong ? `${id}-words` : undefined}
        onChange={event => trial.setJson(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            void trial.ask();
          }
        }}
      />
      {trial.isWrong && (
        <span id={`${id}-words`} className="kd-Problem">
          {trans.__('This is not a JSON value.')}
        </span>
      )}
    </div>
  );
}

function OtherVersion({ trans, trial, deployments }: ITryProps): JSX.Element {
  const id = React.useId();
  const served = (deployments.value?.deployments ?? []).flatMap(({ name: cluster, models }) =>
    models.map(({ name, version }) => ({ cluster, name, version }))
  );
  const others = served.filter(one => placeOf(one) !== placeOf(trial.model));
  return (
    <span className="kd-Try-other">
      <label htmlFor={id}>{trans.__('Compare with')}</label>
      <select
        id={id}
        className="jp-mod-styled"
        value={trial.other ? placeOf(trial.other) : ''}
        onChange={event =>
          trial.compareWith(others.find(one => placeOf(one) === event.target.value) ?? null)
        }
      >
        <option value="">{trans.__('no other version')}</option>
        {others.map(one => (
          <option key={placeOf(one)} value={placeOf(one)}>
            {placeOf(one)}
          </option>
        ))}
      </select>
    </span>
  );
}

/** Return `taxi/2 (engine)`. */
export function placeOf(model: IServedModel): string {
  return `${modelName(model)} (${model.cluster})`;
}
