import { expect, test } from 'vitest';

import type { IJobOutput } from '../src/messages';
import { LogBlocks, MOST_LINES, MOST_OUTPUTS } from '../src/model/logBlocks';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const plot = (offset: number, name = 'plot', displayId: string | null = null): IJobOutput => ({
  offset,
  output: { name },
  display_id: displayId
});

/** Return all that would be drawn: lines as texts, outputs as `<name>`. */
function drawn(log: LogBlocks): string[] {
  const blocks = log.blocks.flatMap(block =>
    block.kind === 'text' ? block.rows.map(row => row.text) : [`<${block.output.name}>`]
  );
  return [...blocks, ...log.screen.map(row => row.text)];
}

function lines(count: number, from = 0): string {
  return Array.from({ length: count }, (_, index) => `line ${from + index}\n`).join('');
}

test('letters that come in two pieces are one', () => {
  const log = new LogBlocks();
  const text = bytes('grün 🙂\n');
  for (const byte of text) {
    log.feed(Uint8Array.of(byte));
  }
  expect(drawn(log)).toEqual(['grün 🙂']);
});

test('an output stands between the lines where it appeared', () => {
  const log = new LogBlocks();
  log.feed(bytes('before\n'));
  log.place(plot(7));
  log.feed(bytes('after\n'));
  expect(drawn(log)).toEqual(['before', '<plot>', 'after']);
});

test('an output that comes late gets to its place, on the screen and far above it', () => {
  const log = new LogBlocks();
  log.feed(bytes(lines(2000)));
  const at = (line: number): number => lines(line).length;
  log.place(plot(at(10), 'early'));
  log.place(plot(at(1990), 'late'));
  log.place(plot(at(10), 'second'));
  log.place(plot(at(1000), 'middle'));
  const all = drawn(log);
  expect(all.slice(9, 13)).toEqual(['line 9', '<early>', '<second>', 'line 10']);
  expect(all[all.indexOf('<middle>') - 1]).toBe('line 999');
  expect(all[all.indexOf('<late>') + 1]).toBe('line 1990');
  expect(all.length).toBe(2004);
});

test('an output before the first line is first', () => {
  const log = new LogBlocks();
  log.place(plot(0));
  log.feed(bytes('a\n'));
  expect(drawn(log)).toEqual(['<plot>', 'a']);
});

test('of very many lines the newest are kept, and the others are counted', () => {
  const log = new LogBlocks();
  log.feed(bytes(lines(100)));
  log.place(plot(lines(50).length));
  for (let from = 100; from < 60_000; from += 7_000) {
    log.feed(bytes(lines(7_000, from)));
  }
  const all = drawn(log);
  expect(all[0]).toBe('<plot>');
  expect(all.at(-1)).toBe('line 63099');
  expect(all.length - 1).toBeLessThanOrEqual(MOST_LINES + 25);
  expect(all.length - 1).toBeGreaterThan(MOST_LINES - 300);
  expect(log.hiddenLines + all.length - 1).toBe(63_100);
});

test('of lines that are very long fewer are kept', () => {
  const log = new LogBlocks();
  for (let index = 0; index < 400; index += 1) {
    log.feed(bytes(`${'x'.repeat(16_000)}\n`));
  }
  expect(drawn(log).length).toBeLessThan(400);
  expect(log.hiddenLines + drawn(log).length).toBe(400);
});

test('of very many outputs the newest are kept', () => {
  const log = new LogBlocks();
  for (let index = 0; index < MOST_OUTPUTS + 5; index += 1) {
    log.place(plot(0, String(index)));
  }
  expect(log.hiddenOutputs).toBe(5);
  expect(drawn(log)[0]).toBe('<5>');
});

test('what was drawn and is full is left as it is', () => {
  const log = new LogBlocks();
  log.feed(bytes(lines(1000)));
  const before = log.blocks.slice(0, 3).map(block => block.kind === 'text' && block.version);
  log.feed(bytes(lines(1000, 1000)));
  const after = log.blocks.slice(0, 3).map(block => block.kind === 'text' && block.version);
  expect(after).toEqual(before);
});

test('an output with the same display id replaces the one before, at its place', () => {
  const log = new LogBlocks();
  log.place(plot(0, 'first', 'a'));
  log.feed(bytes('one\n'));
  const [before] = log.blocks;
  log.place(plot(4, 'other', 'b'));
  log.place(plot(4, 'second', 'a'));
  log.feed(bytes('two\n'));
  expect(drawn(log)).toEqual(['<second>', 'one', '<other>', 'two']);
  expect(log.blocks[0].id).not.toBe(before.id);
});
