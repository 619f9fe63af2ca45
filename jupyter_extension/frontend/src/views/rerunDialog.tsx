import type { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { IJob } from '../messages';
import { fieldOf, problemOf } from '../model/rerun';

/** What stands in the dialog's fields. */
export interface IRerunFields {
  name: string;
  params: { [name: string]: string };
}

/** A dialog's body that asks for the name and the params of a job that is run once more. */
export class RerunBody extends ReactWidget implements Dialog.IBodyWidget<IRerunFields> {
  private fields: IRerunFields;

  constructor(
    private readonly job: IJob,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('kd-Rerun');
    const params = Object.entries(job.params).map(([name, value]) => [name, fieldOf(value)]);
    this.fields = { name: job.name, params: Object.fromEntries(params) };
  }

  getValue(): IRerunFields {
    return this.fields;
  }

  protected render(): JSX.Element {
    const change = (fields: IRerunFields): void => {
      this.fields = fields;
      this.update();
    };
    return <RerunForm job={this.job} trans={this.trans} fields={this.fields} change={change} />;
  }
}

/** The name, and a field for each param. */
export function RerunForm(props: {
  job: IJob;
  trans: TranslationBundle;
  fields: IRerunFields;
  change: (fields: IRerunFields) => void;
}): JSX.Element {
  const { job, trans, fields, change } = props;
  const names = Object.keys(fields.params);
  return (
    <>
      <label>
        {trans.__('Name')}
        <input
          className="jp-mod-styled"
          value={fields.name}
          onChange={event => change({ ...fields, name: event.target.value })}
        />
      </label>
      {names.length === 0 && (
        <p>{trans.__('This job has no params; its code and its files are taken as they were.')}</p>
      )}
      {names.map(name => {
        const field = fields.params[name];
        return (
          <Field
            key={name}
            name={name}
            field={field}
            problem={problemOf(field, job.params[name]) && trans.__('This is not a JSON value.')}
            change={value => change({ ...fields, params: { ...fields.params, [name]: value } })}
          />
        );
      })}
    </>
  );
}

function Field(props: {
  name: string;
  field: string;
  problem: string;
  change: (field: string) => void;
}): JSX.Element {
  const { name, field, problem } = props;
  const id = `kd-rerun-${name}`;
  const input = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => {
    input.current!.setCustomValidity(problem);
    // The dialog has looked already, before there was this answer to what was typed.
    input.current!.dispatchEvent(new Event('input', { bubbles: true }));
  }, [problem]);
  return (
    // What is wrong stands outside of the label, whose words are the field's name.
    <div className="kd-Rerun-field">
      <label htmlFor={`${id}-field`}>{name}</label>
      <input
        id={`${id}-field`}
        className="jp-mod-styled"
        value={field}
        spellCheck={false}
        aria-invalid={problem !== ''}
        aria-describedby={problem ? id : undefined}
        ref={input}
        onChange={event => props.change(event.target.value)}
      />
      {problem && (
        <span className="kd-Problem" id={id}>
          {problem}
        </span>
      )}
    </div>
  );
}
