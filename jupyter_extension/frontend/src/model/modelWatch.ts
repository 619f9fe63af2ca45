import { ISignal, Signal } from '@lumino/signaling';
import type { IDisposable } from '@lumino/disposable';

import type { Api } from '../api';
import type { IModel, IModelDiff, IModelRegistry } from '../messages';
import { IModelReference, modelName } from '../modelReference';
import type { Polled } from './polled';

/** One version for a tab: how it is in the registry now, its YAML, and another one beside it. */
export class ModelWatch implements IDisposable {
  private readonly _changed = new Signal<this, void>(this);
  private _yaml = '';
  private _error: Error | null = null;
  private _other = '';
  private _diff: IModelDiff | null = null;
  private generation = '';
  private _isDisposed = false;

  constructor(
    private readonly api: Api,
    private readonly registry: Polled<IModelRegistry>,
    readonly reference: IModelReference
  ) {
    registry.changed.connect(this.take, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The version; null where it is not registered (any more), or not known yet. */
  get model(): IModel | null {
    const { name, version } = this.reference;
    const models = this.registry.value?.models ?? [];
    return models.find(one => one.name === name && one.version === version) ?? null;
  }

  /** The other versions of the model, which it can be compared with. */
  get others(): IModel[] {
    const models = this.registry.value?.models ?? [];
    return models.filter(
      one => one.name === this.reference.name && one.version !== this.reference.version
    );
  }

  get isKnown(): boolean {
    return this.registry.value !== null;
  }

  get error(): Error | null {
    return this._error ?? this.registry.error;
  }

  get yaml(): string {
    return this._yaml;
  }

  /** The version that it is compared with; "" is none. */
  get other(): string {
    return this._other;
  }

  get diff(): IModelDiff | null {
    return this._diff;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Ask for it until the answer of this is disposed. */
  want(): IDisposable {
    const wanted = this.registry.want();
    this.take();
    return wanted;
  }

  /** Compare with another version; "" is none. */
  async compare(version: string): Promise<void> {
    this._other = version;
    this._diff = null;
    this._changed.emit();
    await this.ask();
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.registry.changed.disconnect(this.take, this);
      Signal.clearData(this);
    }
  }

  private take(): void {
    this._changed.emit();
    const { generation } = this.registry.value ?? { generation: '' };
    if (generation !== this.generation) {
      this.generation = generation;
      void this.ask();
    }
  }

  private async ask(): Promise<void> {
    const { name, version } = this.reference;
    if (!this.model) {
      return;
    }
    const other = this._other;
    try {
      this._yaml = (await this.api.yaml(name, version)).yaml;
      const diff = other
        ? await this.api.diff(modelName({ name, version: other }), modelName(this.reference))
        : null;
      this._diff = other === this._other ? diff : this._diff;
      this._error = null;
    } catch (error) {
      this._error = error as Error;
    }
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }
}
