import { styled } from './ansi';

/**
 * One row of a terminal, a style for each character. `offset` is the byte at which it begins.
 *
 * Writing costs what is written, whatever the row holds.
 */
export class TerminalRow {
  private readonly characters: string[];
  private readonly styles: string[];

  constructor(
    readonly offset: number,
    text = ''
  ) {
    this.characters = text.split('');
    this.styles = new Array<string>(text.length).fill('');
  }

  get width(): number {
    return this.characters.length;
  }

  /** Write over what is there from a column on. */
  put(column: number, text: string, style: string): void {
    while (this.characters.length < column) {
      this.characters.push(' ');
      this.styles.push('');
    }
    for (let index = 0; index < text.length; index += 1) {
      this.characters[column + index] = text[index];
      this.styles[column + index] = style;
    }
  }

  /** Take away what is there from a column on. */
  cut(column: number): void {
    if (this.characters.length > column) {
      this.characters.length = this.styles.length = column;
    }
  }

  /** The row with its colours. */
  get text(): string {
    const parts: string[] = [];
    let begin = 0;
    for (let end = 1; end <= this.width; end += 1) {
      if (end === this.width || this.styles[end] !== this.styles[begin]) {
        parts.push(styled(this.characters.slice(begin, end).join(''), this.styles[begin]));
        begin = end;
      }
    }
    return parts.join('');
  }
}
