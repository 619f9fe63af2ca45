import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import type { IPredictForm, IPrediction } from '../messages';
import type { IModelReference } from '../modelReference';
import { argsOf, isWrong, textsOf, valuesIn } from './predictForm';

/** A version on a deployment cluster. */
export interface IServedModel extends IModelReference {
  cluster: string;
}

/** How a version answered: nothing yet, or what it said, or why it could not be asked. */
export interface IReply {
  readonly model: IServedModel;
  prediction: IPrediction | null;
  error: Error | null;
}

/** Trying a model, or two with the same input: what is asked, and what they answered. */
export class Trial implements IDisposable {
  private readonly _changed = new Signal<this, void>(this);
  private _form: IPredictForm | null = null;
  private _error: Error | null = null;
  private _texts: { [name: string]: string } = {};
  private _json = '{}';
  private _isJson = false;
  private _other: IServedModel | null = null;
  private _replies: IReply[] = [];
  private asked = 0;
  private _isDisposed = false;

  constructor(
    private readonly api: Api,
    readonly model: IServedModel
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What the model takes; null until it is known. */
  get form(): IPredictForm | null {
    return this._form;
  }

  /** Why the form is not there. */
  get error(): Error | null {
    return this._error;
  }

  get texts(): { readonly [name: string]: string } {
    return this._texts;
  }

  /** The arguments as JSON, where they are edited so. */
  get json(): string {
    return this._json;
  }

  get isJson(): boolean {
    return this._isJson;
  }

  /** Whether the fields can show what the JSON says. */
  get canBeFields(): boolean {
    const form = this._form;
    return Boolean(form?.fields.length && valuesIn(form, this._json));
  }

  /** The version that is asked beside it. */
  get other(): IServedModel | null {
    return this._other;
  }

  /** What was asked last, in the order of the versions. */
  get replies(): readonly IReply[] {
    return this._replies;
  }

  get isAsking(): boolean {
    return this._replies.some(one => !one.prediction && !one.error);
  }

  /** Whether what stands in the fields cannot be asked. */
  get isWrong(): boolean {
    if (this._isJson) {
      return isNoJson(this._json);
    }
    return (this._form?.fields ?? []).some(field => isWrong(field, this._texts[field.name]));
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Ask what the model takes. */
  async begin(): Promise<void> {
    const { cluster, name, version } = this.model;
    try {
      const form = await this.api.form(cluster, name, version);
      this._form = form;
      this._error = null;
      this._texts = textsOf(form);
      this._isJson = form.fields.length === 0;
      this._json = JSON.stringify(form.example ?? {}, null, 2);
    } catch (error) {
      this._error = error as Error;
    }
    this.emit();
  }

  setText(name: string, text: string): void {
    this._texts = { ...this._texts, [name]: text };
    this.emit();
  }

  setJson(json: string): void {
    this._json = json;
    this.emit();
  }

  /** Edit as JSON, or in fields where they can show it. */
  edit(isJson: boolean): void {
    const form = this._form;
    if (!form || isJson === this._isJson || this.isWrong) {
      return;
    }
    if (isJson) {
      this._json = JSON.stringify(argsOf(form.fields, this._texts), null, 2);
    } else {
      const values = valuesIn(form, this._json);
      if (!values) {
        return;
      }
      this._texts = textsOf(form, values);
    }
    this._isJson = isJson;
    this.emit();
  }

  /** Ask another version beside it; null is none. */
  compareWith(other: IServedModel | null): void {
    this._other = other;
    this.emit();
  }

  /** Ask all versions at once; each reply shows as it comes. */
  async ask(): Promise<void> {
    if (this.isWrong || !this._form) {
      return;
    }
    const args: unknown = this._isJson
      ? JSON.parse(this._json)
      : argsOf(this._form.fields, this._texts);
    const models = [this.model, ...(this._other ? [this._other] : [])];
    const replies = models.map(model => ({ model, prediction: null, error: null }));
    const number = (this.asked += 1);
    this._replies = replies;
    this.emit();
    await Promise.all(replies.map(reply => this.askOne(reply, args, number)));
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private async askOne(reply: IReply, args: unknown, number: number): Promise<void> {
    const { cluster, name, version } = reply.model;
    try {
      reply.prediction = await this.api.predict(cluster, name, version, args);
    } catch (error) {
      reply.error = error as Error;
    }
    if (number === this.asked) {
      this.emit();
    }
  }

  private emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }
}

function isNoJson(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}
