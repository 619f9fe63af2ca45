import { expect, test } from 'vitest';

import { restyled, withoutStyle } from '../src/model/ansi';
import { Terminal } from '../src/model/terminal';

/** Return all rows that a terminal shows of a text that comes in pieces. */
function shown(...pieces: string[]): string[] {
  const terminal = new Terminal();
  const size = (text: string): number => new TextEncoder().encode(text).length;
  const finished = pieces.flatMap(piece => terminal.feed(piece, size(piece)));
  return [...finished, ...terminal.screen].map(row => row.text);
}

test('lines come as they are', () => {
  expect(shown('one\ntwo\n')).toEqual(['one', 'two', '']);
});

test('a bar that redraws itself is one line', () => {
  expect(shown('  0%\r 50%', '\r100%\ndone\n')).toEqual(['100%', 'done', '']);
});

test('a shorter text leaves the end of the longer one, as a terminal does', () => {
  expect(shown('abcdef\rxy')).toEqual(['xycdef']);
});

test('backspaces take back what Keras draws', () => {
  expect(shown('1/2\b\b\b2/2\n')).toEqual(['2/2', '']);
});

test('nested bars go up and down', () => {
  expect(shown('outer 0\ninner 0\x1b[A\router 1\n\rinner 9\n')).toEqual(['outer 1', 'inner 9', '']);
});

test('the rest of a line is erased', () => {
  expect(shown('abcdef\r\x1b[Kxy')).toEqual(['xy']);
});

test('colours stay, also over lines and through what is written over', () => {
  expect(shown('\x1b[31mred\nstill\x1b[0m plain')).toEqual([
    '\x1b[31mred\x1b[0m',
    '\x1b[31mstill\x1b[0m plain'
  ]);
  expect(shown('\x1b[31mabc\x1b[0m\rX')).toEqual(['X\x1b[31mbc\x1b[0m']);
});

test('a sequence that comes in two pieces is one', () => {
  expect(shown('a\x1b[3', '1mb')).toEqual(['a\x1b[31mb\x1b[0m']);
});

test('titles and links of a terminal are left out', () => {
  expect(shown('\x1b]0;title\x07text')).toEqual(['text']);
});

test('how the text is cut changes nothing', () => {
  const text = 'a\r\nb\x1b[1;31mc\x1b[0m\rd\n\x1b[2Aup\n\nüñ🙂\b!\n10%\r20%\x1b[K\n';
  const whole = shown(text);
  for (let at = 1; at < text.length; at += 1) {
    expect(shown(text.slice(0, at), text.slice(at))).toEqual(whole);
  }
});

test('each row knows the byte at which it begins', () => {
  const terminal = new Terminal(100);
  terminal.feed('üb\nc\r\n\x1b[1md', new TextEncoder().encode('üb\nc\r\n\x1b[1md').length);
  expect(terminal.screen.map(row => row.offset)).toEqual([100, 104, 107]);
});

test('a row without an end goes on in the next one', () => {
  const rows = shown('x'.repeat(40_000));
  expect(rows.length).toBe(3);
  expect(rows.join('').length).toBe(40_000);
});

test('a style is what it takes to set it from nothing', () => {
  expect(restyled('', '1;31')).toBe('1;31');
  expect(restyled('1;31', '39')).toBe('1');
  expect(restyled('1;31', '32')).toBe('1;32');
  expect(restyled('1', '38;5;208')).toBe('1;38;5;208');
  expect(restyled('1;31', '')).toBe('');
  expect(withoutStyle('a\x1b[31mb\x1b[0m')).toBe('ab');
});

test('hostile text costs what it is long', () => {
  const styled = Array.from({ length: 3000 }, (_, n) => `\x1b[3${n % 8}ma`).join('') + '\r';
  for (const piece of [styled, '\x1b[65000Cx\r', '\x1b[65000Cx\x1b[65000D\x1b[31my']) {
    const begun = performance.now();
    const rows = shown(piece.repeat(200_000 / piece.length));
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(rows[0].length).toBeLessThan(100_000);
  }
});
