import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Throttler } from '@lumino/polling';
import { Message, MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import type { JobLog } from '../model/jobLog';
import type { IOutputBlock, LogBlock } from '../model/logBlocks';
import { sizeText } from '../words';
import { renderOutput, renderText } from './logOutput';

const DRAW_EVERY_MS = 200;
/** So near to its end, in pixels, a log is held at its end. */
const NEAR_END = 24;

interface IDrawn {
  node: HTMLElement;
  version: number;
  dispose: () => void;
}

/**
 * A log with its rich outputs at their places.
 *
 * Only blocks that are new or have changed are drawn, and the newest lines; what the model no
 * longer keeps is taken away. It stays at the end while one has not scrolled up.
 */
export class JobLogView extends Widget {
  private readonly drawn = new Map<number, IDrawn>();
  private readonly notes = make('p', 'kd-JobLog-note');
  private readonly lines = make('div', 'kd-JobLog-lines');
  private readonly screen = make('div', 'kd-JobLog-text');
  private readonly trouble = make('p', 'kd-Trouble');
  private readonly scroller = make('div', 'kd-JobLog-scroller');
  private readonly toEnd: HTMLButtonElement;
  private readonly drawing = new Throttler(() => this.draw(), DRAW_EVERY_MS);
  private screenText = '';
  private follows = true;

  constructor(
    private readonly log: JobLog,
    private readonly rendermime: IRenderMimeRegistry,
    private readonly trans: TranslationBundle,
    private readonly url: string
  ) {
    super();
    this.addClass('kd-JobLog');
    this.trouble.setAttribute('role', 'status');
    this.trouble.hidden = this.notes.hidden = true;
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute('role', 'region');
    this.scroller.setAttribute('aria-label', trans.__('Log'));
    this.scroller.append(this.notes, this.lines, this.screen);
    this.toEnd = make('button', 'kd-Button kd-JobLog-toEnd');
    this.toEnd.type = 'button';
    this.toEnd.textContent = trans.__('To the end');
    this.toEnd.hidden = true;
    this.node.append(this.scroller, this.trouble, this.toEnd);
    this.scroller.addEventListener('scroll', () => this.scrolled());
    this.toEnd.addEventListener('click', () => this.scrollToEnd());
    log.changed.connect(this.changed, this);
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.log.changed.disconnect(this.changed, this);
      this.drawing.dispose();
      this.drawn.forEach(one => one.dispose());
      super.dispose();
    }
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.changed();
  }

  private changed(): void {
    if (this.isVisible) {
      void this.drawing.invoke();
    }
  }

  private draw(): void {
    const { blocks } = this.log;
    if (this.isDisposed) {
      return;
    }
    this.drawBlocks(blocks?.blocks ?? []);
    const text = (blocks?.screen ?? []).map(row => row.text).join('\n');
    if (text !== this.screenText) {
      this.screenText = text;
      renderText(this.screen, text, this.rendermime);
    }
    this.drawNotes();
    this.trouble.hidden = !this.log.trouble;
    if (this.log.trouble) {
      this.trouble.textContent = this.trans.__('%1 It is asked again.', this.log.trouble);
    }
    if (this.follows) {
      this.scrollToEnd();
    }
  }

  private drawBlocks(blocks: readonly LogBlock[]): void {
    const ids = new Set(blocks.map(block => block.id));
    for (const [id, one] of this.drawn) {
      if (!ids.has(id)) {
        one.dispose();
        one.node.remove();
        this.drawn.delete(id);
      }
    }
    let place: ChildNode | null = this.lines.firstChild;
    for (const block of blocks) {
      const { node } = this.drawBlock(block);
      if (node === place) {
        place = place.nextSibling;
      } else {
        this.lines.insertBefore(node, place);
      }
    }
  }

  private drawBlock(block: LogBlock): IDrawn {
    let one = this.drawn.get(block.id);
    if (block.kind === 'output') {
      one ??= this.drawOutput(block);
    } else {
      one ??= { node: make('div', 'kd-JobLog-text'), version: -1, dispose: () => undefined };
      if (one.version !== block.version) {
        one.version = block.version;
        renderText(one.node, block.rows.map(row => row.text).join('\n'), this.rendermime);
      }
    }
    this.drawn.set(block.id, one);
    return one;
  }

  private drawOutput(block: IOutputBlock): IDrawn {
    const widget = renderOutput(block.output, this.rendermime, this.trans);
    const node = make('div', 'kd-JobLog-output');
    node.append(widget.node);
    if (this.isAttached) {
      // It is no child of a layout, so it is told itself that it is in the page.
      MessageLoop.sendMessage(widget, Widget.Msg.AfterAttach);
    }
    return { node, version: 0, dispose: () => widget.dispose() };
  }

  private drawNotes(): void {
    const { blocks } = this.log;
    const { trans } = this;
    const notes: string[] = [];
    if (blocks?.start) {
      notes.push(trans.__('The first %1 are not shown', sizeText(blocks.start)));
    }
    if (blocks?.hiddenLines) {
      const count = blocks.hiddenLines.toLocaleString();
      notes.push(trans._n('%2 line is hidden', '%2 lines are hidden', blocks.hiddenLines, count));
    }
    if (blocks?.hiddenOutputs) {
      const count = blocks.hiddenOutputs;
      notes.push(trans._n('%1 output is hidden', '%1 outputs are hidden', count));
    }
    const text = notes.length ? `… ${notes.join(', ')}. ` : '';
    this.notes.hidden = !text;
    if (text && this.notes.firstChild?.textContent !== text) {
      const link = make('a', 'kd-Link');
      link.href = this.url;
      link.download = '';
      link.textContent = trans.__('Download the whole log');
      this.notes.replaceChildren(text, link);
    }
  }

  private scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.follows = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.toEnd.hidden = this.follows;
  }

  private scrollToEnd(): void {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}

function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  node.className = className;
  return node;
}
