import { styled } from './ansi';

/** One row of a terminal: parts of one style each. `offset` is the byte at which it begins. */
export class TerminalRow {
  private parts: [style: string, text: string][];
  width: number;

  constructor(
    readonly offset: number,
    text = ''
  ) {
    this.parts = text ? [['', text]] : [];
    this.width = text.length;
  }

  /** Write over what is there from a column on. */
  put(column: number, text: string, style: string): void {
    const right = this.width > column + text.length ? this.from(column + text.length) : [];
    this.cut(column);
    if (this.width < column) {
      this.append('', ' '.repeat(column - this.width));
    }
    this.append(style, text);
    right.forEach(part => this.append(...part));
  }

  /** Take away what is there from a column on. */
  cut(column: number): void {
    while (this.width > column) {
      const [style, text] = this.parts.pop()!;
      this.width -= text.length;
      if (this.width < column) {
        this.append(style, text.slice(0, column - this.width));
      }
    }
  }

  /** The row with its colours. */
  get text(): string {
    return this.parts.map(([style, text]) => styled(text, style)).join('');
  }

  private from(column: number): [string, string][] {
    let begin = 0;
    const found: [string, string][] = [];
    for (const [style, text] of this.parts) {
      const rest = text.slice(Math.max(0, column - begin));
      begin += text.length;
      if (rest) {
        found.push([style, rest]);
      }
    }
    return found;
  }

  private append(style: string, text: string): void {
    const last = this.parts[this.parts.length - 1];
    if (last && last[0] === style) {
      last[1] += text;
    } else if (text) {
      this.parts.push([style, text]);
    }
    this.width += text.length;
  }
}
