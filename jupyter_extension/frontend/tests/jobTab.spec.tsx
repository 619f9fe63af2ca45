import { RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { CommandIDs } from '../src/commandIds';
import type { IFailure } from '../src/messages';
import { JobLog } from '../src/model/jobLog';
import { MOST_LINES } from '../src/model/logBlocks';
import { JobFailure } from '../src/views/jobFailure';
import { JobHeader } from '../src/views/jobHeader';
import { JobLogView } from '../src/views/jobLogView';
import { LogServer } from './logServer';
import { someJob, until } from './someJobs';

const trans = nullTranslator.load('kd_magics');
const rendermime = new RenderMimeRegistry({ initialFactories: standardRendererFactories });
let server: LogServer;
let log: JobLog;
let view: JobLogView;

beforeEach(async () => {
  server = await LogServer.start();
  log = new JobLog(server.api, { cluster: 'c', job: 1 });
  view = new JobLogView(log, rendermime, trans, '/log');
  Widget.attach(view, document.body);
});

afterEach(() => {
  view.dispose();
  log.dispose();
  server.stop();
  cleanup();
});

const text = (): string => view.node.querySelector('.kd-JobLog-scroller')!.textContent!;

test('text has its colours, outputs stand where they appeared', async () => {
  server.print('\x1b[31mred\x1b[0m\nafter\n');
  const data = { 'text/plain': 'a plot' };
  const output = { output_type: 'display_data', data, metadata: {} };
  server.outputs = [{ offset: 13, output, display_id: null }];
  server.end();
  log.start();
  await until(() => text().includes('after') && text().includes('a plot'));
  expect(text()).toMatch(/red[^]*a plot[^]*after/);
  expect(view.node.querySelector('.ansi-red-fg')!.textContent).toBe('red');
});

test('HTML of a job runs no script and has no handler', async () => {
  const data = {
    'text/html':
      '<b>table</b><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">'
  };
  const output = { output_type: 'display_data', data, metadata: {} };
  server.outputs = [{ offset: 0, output, display_id: null }];
  server.end();
  log.start();
  await until(() => text().includes('table'));
  expect(view.node.querySelector('script')).toBeNull();
  expect(view.node.querySelector('[onerror]')).toBeNull();
  expect('hacked' in window).toBe(false);
});

test('what no renderer knows is told in words, and an exception is folded', async () => {
  server.outputs = [
    {
      offset: 0,
      output: { output_type: 'display_data', data: { 'x/y': '1' }, metadata: {} },
      display_id: null
    },
    {
      offset: 0,
      output: { output_type: 'error', ename: 'KeyError', evalue: "'a'", traceback: ['tb'] },
      display_id: null
    }
  ];
  server.end();
  log.start();
  await until(() => text().includes('KeyError'));
  expect(text()).toContain('An output that cannot be shown here: x/y');
  expect(view.node.querySelector('summary')!.textContent).toBe("KeyError: 'a'");
});

test('of a log with very many lines the page has the newest, and says so', async () => {
  server.print(Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join(''));
  server.end();
  log.start();
  await until(() => text().includes('line 19999'));
  expect(text()).toMatch(/… 1[45],\d{3} lines are hidden. Download the whole log/);
  expect(text().split('\n').length).toBeLessThan(MOST_LINES + 100);
});

test('a trouble is told below the log', async () => {
  server.refusal = { status: 503, message: 'Cluster c does not answer.' };
  log.start();
  const trouble = (): Element => view.node.querySelector('[role="status"]')!;
  await until(() => trouble().textContent !== '');
  expect(trouble().textContent).toBe('Cluster c does not answer. It is asked again.');
});

test('the head tells all of a job, and its buttons are commands', () => {
  const execute = vi.fn();
  const job = someJob(7, {
    status: 'Failed',
    reason: 'Its process ended with exit code 1.',
    started: '2026-01-01T00:00:00Z',
    ended: '2026-01-01T00:02:13Z',
    params: { lr: 0.1, kind: 'adam' },
    rerun_of: 3,
    origin: {
      notebook: '/home/ann/a.ipynb',
      cell_id: 'ab',
      git_commit: 'f'.repeat(40),
      git_dirty: 'yes'
    }
  });
  render(<JobHeader trans={trans} execute={execute} job={job} />);
  const shown = document.querySelector('.kd-JobHeader')!.textContent!;
  for (const part of [
    'took 2:13',
    job.reason!,
    'lr0.1',
    'kindadam',
    'a.ipynb',
    'ffffffffffff and changes'
  ]) {
    expect(shown).toContain(part);
  }
  for (const name of ['c/3', 'Run again…', 'Code']) {
    fireEvent.click(screen.getByRole('button', { name }));
  }
  expect(execute.mock.calls).toEqual([
    [CommandIDs.openJob, { cluster: 'c', job: 3 }],
    [CommandIDs.rerunJob, { cluster: 'c', job: 7 }],
    [CommandIDs.showCode, { cluster: 'c', job: 7 }]
  ]);
  expect(screen.queryByRole('button', { name: 'Cancel…' })).toBeNull();
});

test('a failure has its frames, with the variables of each', () => {
  const variable = {
    name: 'x',
    kind: 'ndarray',
    text: '[1 2]',
    shape: [2],
    dtype: 'int64',
    size_bytes: 16
  };
  const failure: IFailure = {
    kind: 'KeyError',
    message: "'price'",
    frames: [
      { file: 'job 7', line: 4, function: 'f', source: 'd[k]', own: true, variables: [variable] }
    ]
  };
  render(<JobFailure trans={trans} failure={failure} />);
  const shown = screen.getByRole('region', { name: 'Failure' }).textContent;
  expect(shown).toContain("KeyError: 'price'");
  expect(shown).toContain('job 7, line 4, in f');
  expect(shown).toContain('ndarray (2) int64 16 B');
});
