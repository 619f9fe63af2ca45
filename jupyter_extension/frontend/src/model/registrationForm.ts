import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Api } from '../api';
import type { IModel, IRegistration, IRegistrationCheck } from '../messages';
import { RequestError } from '../request';

export type Fields = Required<IRegistration>;
export type Field = keyof Fields;

/** While somebody types, the server is asked this long after the last key (milliseconds). */
export const CHECK_AFTER_MS = 250;
const NOTHING: Fields = {
  ...{ name: '', version: '', path: '', scoring_path: '', description: '' },
  ...{ metrics: '', example: '', job: '' }
};

/**
 * A registration as it is filled in, and what the server says of it.
 *
 * All is checked while somebody types, and nothing is written before `register`. The next free
 * version is proposed as long as nobody has typed one.
 */
export class RegistrationForm implements IDisposable {
  private readonly _changed = new Signal<this, void>(this);
  private _fields = NOTHING;
  private _check: IRegistrationCheck | null = null;
  private _error: Error | null = null;
  private _registered: IModel | null = null;
  private _paths: string[] = [];
  private _scripts: string[] = [];
  private _note = '';
  private _isBusy = false;
  private _isDisposed = false;
  /** What the server refused though its check had found nothing: another was faster. */
  private refused: { fields: Fields; message: string } | null = null;
  private readonly touched = new Set<Field>();
  private timer = 0;
  private asked = 0;
  private begun = 0;

  constructor(private readonly api: Api) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get fields(): Fields {
    return this._fields;
  }

  /** The last answer of the check; null before the first one. */
  get check(): IRegistrationCheck | null {
    return this._check;
  }

  /** Why the server could not be asked. */
  get error(): Error | null {
    return this._error;
  }

  /** The version that was registered; null until it was, and as soon as a field changes again. */
  get registered(): IModel | null {
    return this._registered;
  }

  /** What the job wrote under models/ and code/, the likeliest first. */
  get suggested(): { paths: string[]; scripts: string[] } {
    return { paths: this._paths, scripts: this._scripts };
  }

  /** A sentence where nothing could be taken from the job. */
  get note(): string {
    return this._note;
  }

  get isBusy(): boolean {
    return this._isBusy;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Whether the server has found nothing wrong with what stands in the fields. */
  get isGood(): boolean {
    return this._check !== null && !this._check.problems.length && !this.refusal && !this._isBusy;
  }

  /** Return what is wrong with a field; "" where it is good, or was not filled in yet. */
  problem(field: Field | ''): string {
    if (field === 'version' && this.refusal) {
      return this.refusal;
    }
    const isShown = field === '' || this.touched.has(field) || this._fields[field] !== '';
    const found = this._check?.problems.find(one => one.field === field);
    return isShown && found ? found.message : '';
  }

  /** Begin anew: with nothing, or with what a job wrote; never throws. */
  async begin(job = '', name = ''): Promise<void> {
    const number = (this.begun += 1);
    this.touched.clear();
    this._fields = { ...NOTHING, job, name };
    this._registered = this.refused = null;
    this._isBusy = true;
    this._changed.emit();
    try {
      const draft = await this.api.draft(job || undefined, name || undefined);
      if (number !== this.begun) {
        return;
      }
      // What somebody has typed meanwhile stays.
      const typed = [...this.touched].map(field => [field, this._fields[field]]);
      this._fields = { ...NOTHING, ...draft.registration, ...Object.fromEntries(typed) };
      this._paths = draft.paths;
      this._scripts = draft.scripts;
      this._note = draft.note;
      this._error = null;
    } catch (error) {
      this._note = '';
      this._error = error as Error;
    }
    this._isBusy = false;
    this._changed.emit();
    await this.ask();
  }

  /** Change a field, and have all of them looked over a moment later. */
  set(field: Field, value: string): void {
    this.touched.add(field);
    this._fields = { ...this._fields, [field]: value };
    this._registered = null;
    this._changed.emit();
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.ask(), CHECK_AFTER_MS);
  }

  /** Write the version; return it, or undefined where it was refused, which the form then tells. */
  async register(): Promise<IModel | undefined> {
    window.clearTimeout(this.timer);
    (Object.keys(NOTHING) as Field[]).forEach(field => this.touched.add(field));
    await this.ask();
    if (!this.isGood || this._error) {
      return undefined;
    }
    const fields = this._fields;
    this._isBusy = true;
    this._changed.emit();
    try {
      this._registered = await this.api.register(fields);
      this._error = null;
    } catch (error) {
      const isTaken = error instanceof RequestError && error.status === 409;
      this.refused = isTaken ? { fields, message: (error as Error).message } : null;
      this._error = isTaken ? null : (error as Error);
    }
    this._isBusy = false;
    this._changed.emit();
    if (!this._registered) {
      const trouble = this._error as Error | null;
      await this.ask();
      this._error = this._error ?? trouble;
      this._changed.emit();
    }
    return this._registered ?? undefined;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearTimeout(this.timer);
      Signal.clearData(this);
    }
  }

  private get refusal(): string {
    const { name, version } = this.refused?.fields ?? NOTHING;
    const isSame = name === this._fields.name && version === this._fields.version;
    return this.refused && isSame ? this.refused.message : '';
  }

  /** Have the fields looked over; an answer to what no longer stands there is left alone. */
  private async ask(): Promise<void> {
    const number = (this.asked += 1);
    let check: IRegistrationCheck | null = null;
    let trouble: Error | null = null;
    try {
      check = await this.api.checkRegistration(this._fields);
    } catch (error) {
      trouble = error as Error;
    }
    if (number !== this.asked || this._isDisposed) {
      return;
    }
    this._error = trouble;
    this._check = check ?? this._check;
    const free = check?.free_version ?? '';
    if (
      free &&
      this._fields.name &&
      !this.touched.has('version') &&
      this._fields.version !== free
    ) {
      this._fields = { ...this._fields, version: free };
      return this.ask();
    }
    this._changed.emit();
  }
}
