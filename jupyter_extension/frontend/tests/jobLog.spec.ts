import { afterEach, beforeEach, expect, test } from 'vitest';

import { END_READ, JobLog } from '../src/model/jobLog';
import { LogServer } from './logServer';
import { until } from './someJobs';

let server: LogServer;
let log: JobLog;

beforeEach(async () => {
  server = await LogServer.start();
  log = new JobLog(server.api, { cluster: 'c', job: 1 });
});

afterEach(() => {
  log.dispose();
  server.stop();
});

function lines(): string[] {
  const blocks = (log.blocks?.blocks ?? []).flatMap(block =>
    block.kind === 'text' ? block.rows.map(row => row.text) : [`<${block.output.name}>`]
  );
  return [...blocks, ...(log.blocks?.screen ?? []).map(row => row.text)];
}

test('the log comes as it is printed, to its end', async () => {
  server.print('one\n');
  log.start();
  await until(() => lines().join() === 'one');
  server.print('two\n');
  await until(() => lines().join() === 'one,two');
  server.end();
  await until(() => log.isEnded);
  expect(lines()).toEqual(['one', 'two']);
});

test('after a break it goes on at the byte where it was', async () => {
  server.print('one\ntw');
  log.start();
  await until(() => lines().length === 2);
  server.cut();
  server.print('o\nthree\n');
  server.isRunning = false;
  await until(() => log.isEnded);
  expect(server.offsets).toEqual([0, 6]);
  expect(lines()).toEqual(['one', 'two', 'three']);
  expect(log.trouble).toBe('');
});

test('a stream that ends while the job runs is taken up again', async () => {
  server.print('one\n');
  log.start();
  await until(() => server.following === 1);
  server.end();
  server.isRunning = true;
  await until(() => server.following === 1);
  server.print('two\n');
  server.end();
  await until(() => log.isEnded);
  expect(lines()).toEqual(['one', 'two']);
});

test('a server that refuses is told, and asked again', async () => {
  server.refusal = { status: 503, message: 'Cluster c does not answer.' };
  log.start();
  await until(() => log.trouble !== '');
  expect(log.trouble).toBe('Cluster c does not answer.');
  server.refusal = null;
  server.print('back\n');
  await until(() => lines().join() === 'back');
  expect(log.trouble).toBe('');
});

test('what is not there is not asked for again, until it is shown again', async () => {
  server.refusal = { status: 404, message: 'Cluster c has no job 1.' };
  log.start();
  await until(() => log.trouble !== '');
  server.refusal = null;
  log.start();
  server.end();
  await until(() => log.isEnded);
  expect(log.trouble).toBe('');
});

test('a tab that is hidden asks nothing, and goes on when it is shown', async () => {
  server.print('one\n');
  log.start();
  await until(() => lines().length === 1);
  log.stop();
  await until(() => server.following === 0);
  server.print('two\n');
  log.start();
  await until(() => lines().length === 2);
  expect(server.offsets).toEqual([0, 4]);
});

test('outputs stand where they appeared, in an ended job and in one that runs', async () => {
  server.print('one\ntwo\n');
  server.outputs = [{ offset: 4, output: { name: 'first' }, display_id: null }];
  log.start();
  await until(() => lines().length === 3);
  expect(lines()).toEqual(['one', '<first>', 'two']);
  server.outputs.push({ offset: 8, output: { name: 'second' }, display_id: null });
  server.print('three\n');
  await until(() => lines().length === 4);
  log.told(14);
  await until(() => lines().length === 5);
  expect(lines()).toEqual(['one', '<first>', 'two', '<second>', 'three']);
  server.outputs.push({ offset: 99, output: { name: 'last' }, display_id: null });
  server.end();
  await until(() => log.isEnded);
  expect(lines().at(-1)).toBe('<last>');
});

test('of a large log the end is read, from a whole line on', async () => {
  server.print(
    'x'
      .repeat(99)
      .concat('\n')
      .repeat((3 * END_READ) / 100)
  );
  server.print('last\n');
  server.end();
  log.start();
  await until(() => log.isEnded);
  expect(server.offsets).toEqual([server.log.length - END_READ]);
  expect(log.blocks!.start % 100).toBe(0);
  expect(lines().every(line => line.length === 99 || line === 'last')).toBe(true);
});
