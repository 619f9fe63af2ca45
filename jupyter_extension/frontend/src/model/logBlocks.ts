import type { IJobOutput } from '../messages';
import { IFinishedRow, Terminal } from './terminal';

/** What a page keeps of a log: more would make it slow. */
export const MOST_LINES = 5_000;
export const MOST_CHARACTERS = 2 * 1024 * 1024;
export const MOST_OUTPUTS = 100;
const LINES_OF_BLOCK = 250;

/** Lines of a log that are drawn together; `version` changes when they do. */
export interface ITextBlock {
  kind: 'text';
  id: number;
  version: number;
  rows: IFinishedRow[];
}

/** A rich output at its place between the lines. */
export interface IOutputBlock extends IJobOutput {
  kind: 'output';
  id: number;
}

export type LogBlock = ITextBlock | IOutputBlock;

/**
 * A log as blocks of lines and rich outputs, of which only the newest are kept.
 *
 * Bytes are taken in any pieces. Taking some costs what they cost: blocks that are full are never
 * looked at again. An output that comes later than the lines around it still gets to its place.
 */
export class LogBlocks {
  private terminal: Terminal;
  private decoder = new TextDecoder();
  private ids = 0;
  private lines = 0;
  private characters = 0;
  private outputs = 0;
  private _blocks: LogBlock[] = [];
  /** Lines that were taken and are not kept, and outputs. */
  hiddenLines = 0;
  hiddenOutputs = 0;

  /** `start` is the byte at which the log begins here. */
  constructor(readonly start = 0) {
    this.terminal = new Terminal(start);
  }

  /** What can be drawn, oldest first; the rows of `screen` come after it. */
  get blocks(): readonly LogBlock[] {
    return this._blocks;
  }

  /** The newest lines, which may still change. */
  get screen(): readonly IFinishedRow[] {
    const rows = this.terminal.screen;
    return rows[rows.length - 1].text ? rows : rows.slice(0, -1);
  }

  /** The newest lines with their colours. */
  newest(count: number): string[] {
    return this.screen.slice(-count).map(row => row.text);
  }

  /** Take bytes that follow those before. */
  feed(bytes: Uint8Array): void {
    const text = this.decoder.decode(bytes, { stream: true });
    const rows = this.terminal.feed(text, bytes.length);
    const skipped = Math.max(0, rows.length - MOST_LINES);
    this.hiddenLines += skipped;
    for (const row of skipped ? rows.slice(skipped) : rows) {
      this.add(row);
    }
    this.drop();
  }

  /** Put an output where its byte of the log is, which may lie far back, or in another's place. */
  place(output: IJobOutput): void {
    const block: IOutputBlock = { ...output, kind: 'output', id: this.nextId() };
    if (this.replace(block)) {
      return;
    }
    this._blocks.splice(this.placeOf(block.offset), 0, block);
    this.outputs += 1;
    if (this.outputs > MOST_OUTPUTS) {
      this._blocks.splice(
        this._blocks.findIndex(one => one.kind === 'output'),
        1
      );
      this.outputs -= 1;
      this.hiddenOutputs += 1;
    }
  }

  /** Put an output in the place of the one with its display id, if that is there. */
  private replace(block: IOutputBlock): boolean {
    const index = this._blocks.findIndex(
      one => one.kind === 'output' && one.display_id !== null && one.display_id === block.display_id
    );
    if (index >= 0) {
      this._blocks[index] = { ...block, offset: (this._blocks[index] as IOutputBlock).offset };
    }
    return index >= 0;
  }

  /** Return before which block an output belongs; a block of lines around it is cut in two. */
  private placeOf(offset: number): number {
    const screen = this.terminal.screen;
    if (offset > screen[0].offset) {
      this.settle(offset);
      return this._blocks.length;
    }
    let index = this._blocks.length;
    while (index > 0 && offsetOf(this._blocks[index - 1]) >= offset) {
      const before = this._blocks[index - 1];
      if (before.kind === 'output' && before.offset === offset) {
        break; // two at the same place stay in their order
      }
      index -= 1;
    }
    const around = this._blocks[index - 1];
    return around?.kind === 'text' ? this.split(index - 1, around, offset) : index;
  }

  /** Take the rows that begin before `offset` off the screen: an output stands below them. */
  private settle(offset: number): void {
    this.terminal.settle(offset).forEach(row => this.add(row));
  }

  private split(index: number, block: ITextBlock, offset: number): number {
    const at = block.rows.findIndex(row => row.offset >= offset);
    if (at < 0) {
      return index + 1;
    }
    const rest = { ...block, id: this.nextId(), rows: block.rows.splice(at) };
    block.version += 1;
    this._blocks.splice(index + 1, 0, rest);
    return index + 1;
  }

  private add(row: IFinishedRow): void {
    let last = this._blocks[this._blocks.length - 1];
    if (last?.kind !== 'text' || last.rows.length >= LINES_OF_BLOCK) {
      last = { kind: 'text', id: this.nextId(), version: 0, rows: [] };
      this._blocks.push(last);
    }
    last.rows.push(row);
    last.version += 1;
    this.lines += 1;
    this.characters += row.text.length;
  }

  private drop(): void {
    while (this.lines > MOST_LINES || this.characters > MOST_CHARACTERS) {
      const index = this._blocks.findIndex(one => one.kind === 'text');
      const [block] = this._blocks.splice(index, 1) as [ITextBlock];
      this.lines -= block.rows.length;
      this.hiddenLines += block.rows.length;
      this.characters -= block.rows.reduce((sum, row) => sum + row.text.length, 0);
    }
  }

  private nextId(): number {
    this.ids += 1;
    return this.ids;
  }
}

function offsetOf(block: LogBlock): number {
  return block.kind === 'text' ? block.rows[0].offset : block.offset;
}
