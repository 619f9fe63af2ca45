import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';

/** A widget that has something asked for again and again, and only while it can be seen. */
export abstract class SeenWidget extends ReactWidget {
  private wanted: IDisposable | null = null;

  /** Have it asked for until the answer of this is disposed. */
  protected abstract want(): IDisposable;

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.see(true);
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.see(this.isVisible);
  }

  protected onBeforeHide(message: Message): void {
    this.see(false);
    super.onBeforeHide(message);
  }

  protected onBeforeDetach(message: Message): void {
    this.see(false);
    super.onBeforeDetach(message);
  }

  private see(is: boolean): void {
    if (is && !this.wanted) {
      this.wanted = this.want();
    } else if (!is && this.wanted) {
      this.wanted.dispose();
      this.wanted = null;
    }
  }
}
