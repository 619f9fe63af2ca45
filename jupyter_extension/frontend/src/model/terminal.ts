import { restyled } from './ansi';
import { TerminalRow } from './terminalRow';

/** Rows above the newest that can still be changed, as nested progress bars do. */
const DEPTH = 24;
/** A longer row goes on in the next one, as at the edge of a terminal. */
const WIDEST = 16 * 1024;
/** Columns to which the cursor can move beyond what is written. */
const FARTHEST = 500;
/* eslint-disable no-control-regex */
const TOKEN = new RegExp(
  [
    /([^\x00-\x08\x0a-\x1f\x7f-\x9f]+)/, // text
    /\x1b\[([0-?]*)[ -/]*([@-~])/, // a control sequence: parameters, what it does
    /\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)/, // titles, links
    /\x1b[ -/]*[0-Z\\`-~]/,
    /([\x00-\x1f\x7f-\x9f])/ // a control character
  ]
    .map(one => one.source)
    .join('|'),
  'g'
);
const SPECIAL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;
/** The beginning of a sequence whose end has not come yet. */
const CUT = /\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]{0,4096}\x1b?|[ -/]*)$/;
/* eslint-enable no-control-regex */

/** A row that can change no more. */
export interface IFinishedRow {
  text: string;
  offset: number;
}

/**
 * Text as a terminal shows it, fed in any pieces: `\r`, `\b` and moves of the cursor write over
 * what is there. The newest rows stay on a small screen; those that leave it are finished.
 */
export class Terminal {
  private rows: TerminalRow[];
  private at = 0;
  private column = 0;
  private style = '';
  private cut = '';
  private finished: IFinishedRow[] = [];

  constructor(private offset = 0) {
    this.rows = [new TerminalRow(offset)];
  }

  /** The rows that may still change, the one that is written last; the last may be empty. */
  get screen(): IFinishedRow[] {
    return this.rows;
  }

  /** Take text that is `bytes` long in UTF-8; return the rows that it finished. */
  feed(text: string, bytes: number): IFinishedRow[] {
    const sizeOf = bytes === text.length ? (part: string) => part.length : utf8Size;
    this.offset -= sizeOf(this.cut);
    text = this.cut + text;
    const cut = CUT.exec(text);
    this.cut = cut ? cut[0] : '';
    const whole = cut ? text.slice(0, cut.index) : text;
    if (this.isSimple && !SPECIAL.test(whole)) {
      this.takeLines(whole, sizeOf);
    } else {
      for (const token of whole.matchAll(TOKEN)) {
        this.offset += sizeOf(token[0]);
        this.take(token);
      }
    }
    this.offset += sizeOf(this.cut);
    const found = this.finished;
    this.finished = [];
    return found;
  }

  /** Take the rows that begin before a byte off the screen, and begin a row after them. */
  settle(offset: number): IFinishedRow[] {
    const above = this.rows.filter(row => row.offset < offset);
    const below = this.rows.slice(above.length);
    const place = this.at - above.length;
    this.rows = below.length ? below : [new TerminalRow(this.offset)];
    this.at = Math.max(0, place);
    this.column = place < 0 ? 0 : this.column;
    return above.map(({ text, offset }) => ({ text, offset }));
  }

  private get isSimple(): boolean {
    const bottom = this.rows.length - 1;
    return !this.style && this.at === bottom && this.column === this.rows[bottom].width;
  }

  /** Take plain lines without looking at each of their characters. */
  private takeLines(text: string, sizeOf: (part: string) => number): void {
    const lines = text.split('\n');
    lines.forEach((line, index) => {
      this.offset += sizeOf(line) + (index < lines.length - 1 ? 1 : 0);
      this.write(line);
      if (index < lines.length - 1) {
        this.newRow();
      }
    });
  }

  private take([, text, parameters, final, control]: RegExpMatchArray): void {
    if (text !== undefined) {
      this.write(text);
    } else if (control === '\n') {
      this.down();
    } else if (control === '\r') {
      this.column = 0;
    } else if (control === '\b') {
      this.column = Math.max(0, this.column - 1);
    } else if (final === 'm' && /^[0-9;]*$/.test(parameters)) {
      this.style = restyled(this.style, parameters);
    } else if (final && /^[0-9;]*$/.test(parameters)) {
      this.control(final, parseInt(parameters, 10) || 0);
    }
  }

  /** Do what a control sequence says; what no progress bar needs is left out. */
  private control(final: string, number: number): void {
    const count = Math.min(Math.max(1, number), WIDEST);
    const row = this.rows[this.at];
    if (final === 'A' || final === 'F') {
      this.at = Math.max(0, this.at - count);
    } else if (final === 'B' || final === 'E') {
      this.at = Math.min(this.rows.length - 1, this.at + count);
    } else if (final === 'C') {
      this.goTo(this.column + count);
    } else if (final === 'D') {
      this.goTo(this.column - count);
    } else if (final === 'G') {
      this.goTo(count - 1);
    } else if (final === 'K') {
      this.eraseRow(row, number);
    } else if (final === 'J' && number === 0) {
      row.cut(this.column);
      this.rows.slice(this.at + 1).forEach(below => below.cut(0));
    }
    if (final === 'E' || final === 'F') {
      this.column = 0;
    }
  }

  private goTo(column: number): void {
    const edge = Math.max(FARTHEST, this.rows[this.at].width);
    this.column = Math.min(Math.max(0, column), edge, WIDEST - 1);
  }

  private eraseRow(row: TerminalRow, what: number): void {
    if (what === 1) {
      row.put(0, ' '.repeat(this.column + 1), '');
    } else {
      row.cut(what === 0 ? this.column : 0);
    }
  }

  private write(text: string): void {
    while (text) {
      if (this.column >= WIDEST) {
        this.down();
      }
      const part = text.slice(0, WIDEST - this.column);
      text = text.slice(part.length);
      this.rows[this.at].put(this.column, part, this.style);
      this.column += part.length;
    }
  }

  private down(): void {
    this.column = 0;
    if (this.at === this.rows.length - 1) {
      this.newRow();
    } else {
      this.at += 1;
    }
  }

  private newRow(): void {
    this.rows.push(new TerminalRow(this.offset));
    if (this.rows.length > DEPTH + 1) {
      const { text, offset } = this.rows.shift()!;
      this.finished.push({ text, offset });
    }
    this.at = this.rows.length - 1;
    this.column = 0;
  }
}

function utf8Size(text: string): number {
  let size = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    size += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3;
  }
  return size;
}
