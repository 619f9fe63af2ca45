import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';

/** An output of a cell that has something asked for, and only while any of it is in sight. */
export abstract class CellWidget extends ReactWidget implements IRenderMime.IRenderer {
  private wanted: IDisposable | null = null;
  private observer: IntersectionObserver | null = null;

  abstract renderModel(model: IRenderMime.IMimeModel): Promise<void>;

  dispose(): void {
    if (!this.isDisposed) {
      this.leave();
      Signal.disconnectReceiver(this);
      super.dispose();
    }
  }

  /** Have it asked for until the answer of this is disposed; null where there is nothing yet. */
  protected abstract ask(): IDisposable | null;

  /** Whether it is asked for. */
  protected get isWanted(): boolean {
    return this.wanted !== null;
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    // What the kernel shows below a card is for front ends that have only the card.
    this.node.closest('.jp-OutputArea-child')?.classList.add('kd-mod-liveCell');
    this.look();
  }

  protected onBeforeDetach(message: Message): void {
    this.leave();
    super.onBeforeDetach(message);
  }

  /** Begin anew, as there is something else to ask for. */
  protected look(): void {
    this.leave();
    if (this.isAttached) {
      this.observer = new IntersectionObserver(entries => {
        const isSeen = entries.at(-1)!.isIntersecting;
        if (isSeen) {
          this.wanted ??= this.ask();
        } else {
          this.want(null);
        }
      });
      this.observer.observe(this.node);
    }
  }

  private leave(): void {
    this.observer?.disconnect();
    this.observer = null;
    this.want(null);
  }

  private want(wanted: IDisposable | null): void {
    this.wanted?.dispose();
    this.wanted = wanted;
  }
}
