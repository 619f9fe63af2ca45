import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import React from 'react';

import { CommandIDs } from '../commandIds';
import { nameOf } from '../jobReference';
import { titleOf } from '../jobWords';
import type { IJob, IJobPage } from '../messages';
import type { Field, RegistrationForm } from '../model/registrationForm';
import { sizeText } from '../words';
import { IViewProps, IWanted, Trouble } from './section';
import { SeenWidget } from './seenWidget';
import { Yaml } from './yaml';

/** What the form's tab is made of. */
export interface IRegisterProps extends IViewProps {
  form: RegistrationForm;
  /** The newest jobs, of which the finished ones can be begun with. */
  jobs: IWanted<IJobPage>;
  /** Have a file or folder of the project repository chosen; undefined where none was. */
  browse: (field: 'path' | 'scoring_path') => Promise<string | undefined>;
  copy: (text: string) => void;
}

/** The form that registers a model version, in the main area. */
export class RegisterTab extends SeenWidget {
  constructor(private readonly props: IRegisterProps) {
    super();
    this.addClass('kd-RegisterTab');
    this.title.label = props.trans.__('Register a model');
    this.disposed.connect(() => props.form.dispose());
  }

  get form(): RegistrationForm {
    return this.props.form;
  }

  protected want(): IDisposable {
    return this.props.jobs.want();
  }

  protected render(): JSX.Element {
    const { form, jobs } = this.props;
    return (
      <UseSignal signal={form.changed}>
        {() => (
          <UseSignal signal={jobs.changed}>
            {() => <RegisterForm {...this.props} finished={finished(jobs.value)} />}
          </UseSignal>
        )}
      </UseSignal>
    );
  }
}

function finished(page: IJobPage | null): IJob[] {
  return (page?.jobs ?? []).filter(job => job.status === 'Finished');
}

/** The fields on one side, what would be written on the other. */
export function RegisterForm(props: IRegisterProps & { finished: IJob[] }): JSX.Element {
  const { trans, form } = props;
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    void form.register();
  };
  return (
    <div className="kd-Register">
      <form className="kd-Register-fields" onSubmit={submit} aria-label={trans.__('Model')}>
        <JobField {...props} />
        {form.note && (
          <p className="kd-Notice" role="status">
            {form.note}
          </p>
        )}
        <Text {...props} field="name" label={trans.__('Name')} />
        <Text {...props} field="version" label={trans.__('Version')} />
        <Path {...props} field="path" label={trans.__('Model file or folder')} />
        <Path {...props} field="scoring_path" label={trans.__('Scoring script')} />
        <Text {...props} field="description" label={trans.__('Description')} />
        <Text {...props} field="metrics" label={trans.__('Metrics (JSON)')} />
        <Text {...props} field="example" label={trans.__('Example request (JSON)')} lines={4} />
        <Outcome {...props} />
      </form>
      <Preview {...props} />
    </div>
  );
}

function JobField(props: IRegisterProps & { finished: IJob[] }): JSX.Element {
  const { trans, form } = props;
  const { job } = form.fields;
  const known = props.finished.some(one => nameOf(one) === job);
  const problem = form.problem('job');
  return (
    <div className="kd-Register-field">
      <label htmlFor="kd-register-job-field">{trans.__('Begin with a finished job')}</label>
      <select
        id="kd-register-job-field"
        className="jp-mod-styled"
        value={job}
        aria-invalid={problem !== ''}
        onChange={event => void form.begin(event.target.value)}
      >
        <option value="">{trans.__('No job: choose files')}</option>
        {!known && job && <option value={job}>{job}</option>}
        {props.finished.map(one => (
          <option key={nameOf(one)} value={nameOf(one)}>
            {`${nameOf(one)} ${titleOf(trans, one)}`}
          </option>
        ))}
      </select>
      <Problem id="kd-register-job" text={problem} />
    </div>
  );
}

interface IFieldProps extends IRegisterProps {
  field: Field;
  label: string;
}

interface ITextProps extends IFieldProps {
  lines?: number;
  list?: string;
  hint?: string | false;
}

function Text(props: ITextProps): JSX.Element {
  const { form, field, label, lines, list, hint } = props;
  const problem = form.problem(field);
  const id = `kd-register-${field}`;
  const control = {
    id: `${id}-field`,
    className: 'jp-mod-styled',
    value: form.fields[field],
    spellCheck: false,
    placeholder: hint || undefined,
    'aria-invalid': problem !== '',
    'aria-describedby': problem ? id : undefined
  };
  return (
    // What is wrong stands outside of the label, whose words are the field's name.
    <div className="kd-Register-field">
      <label htmlFor={control.id}>{label}</label>
      {lines ? (
        <textarea
          {...control}
          rows={lines}
          onChange={event => form.set(field, event.target.value)}
        />
      ) : (
        <input {...control} list={list} onChange={event => form.set(field, event.target.value)} />
      )}
      <Problem id={id} text={problem} />
    </div>
  );
}

function Path(props: IFieldProps & { field: 'path' | 'scoring_path' }): JSX.Element {
  const { trans, form, field, label, browse } = props;
  const { paths, scripts } = form.suggested;
  const list = `kd-register-${field}-list`;
  const choose = async (): Promise<void> => {
    const chosen = await browse(field);
    if (chosen) {
      form.set(field, chosen);
    }
  };
  return (
    <div className="kd-Register-path">
      <Text
        {...props}
        list={list}
        hint={field === 'scoring_path' && trans.__('none where the model’s format is known')}
      />
      <datalist id={list}>
        {(field === 'path' ? paths : scripts).map(path => (
          <option key={path} value={path} />
        ))}
      </datalist>
      <button
        type="button"
        className="kd-Button"
        aria-label={trans.__('Browse for: %1', label)}
        onClick={() => void choose()}
      >
        {trans.__('Browse…')}
      </button>
    </div>
  );
}

function Problem({ id, text }: { id: string; text: string }): JSX.Element | null {
  return text ? (
    <span className="kd-Problem" id={id}>
      {text}
    </span>
  ) : null;
}

/** The button, and below it how it went. */
function Outcome(props: IRegisterProps): JSX.Element {
  const { trans, form, execute } = props;
  const { registered, isBusy } = form;
  const whole = form.problem('');
  return (
    <div className="kd-Register-outcome">
      <button type="submit" className="kd-Button kd-Button-main" disabled={isBusy || !!registered}>
        {isBusy ? trans.__('Working…') : trans.__('Register')}
      </button>
      {form.error && <Trouble error={form.error} />}
      {whole && <Trouble error={new Error(whole)} />}
      {registered && (
        <p className="kd-Register-done" role="status">
          {trans.__('%1/%2 is registered.', registered.name, registered.version)}{' '}
          <button
            type="button"
            className="kd-Link"
            onClick={() =>
              execute(CommandIDs.openModel, {
                name: registered.name,
                version: registered.version
              })
            }
          >
            {trans.__('Open it')}
          </button>{' '}
          <button
            type="button"
            className="kd-Link"
            onClick={() => void form.begin('', registered.name)}
          >
            {trans.__('Register another')}
          </button>
        </p>
      )}
    </div>
  );
}

/** The ConfigMap as it would be written. */
function Preview({ trans, form, copy }: IRegisterProps): JSX.Element {
  const { check } = form;
  return (
    <section className="kd-Register-preview" aria-label={trans.__('What will be written')}>
      <h3>{trans.__('ConfigMap %1', check?.configmap ?? '')}</h3>
      {check && (
        <>
          <p className="kd-Quiet">{sizeWords(trans, check.size_bytes, check.limit_bytes)}</p>
          <Yaml trans={trans} text={check.yaml} copy={copy} />
        </>
      )}
    </section>
  );
}

function sizeWords(trans: TranslationBundle, size: number, limit: number): string {
  return trans.__('%1 of at most %2', sizeText(size), sizeText(limit));
}
