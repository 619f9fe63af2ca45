import { nullTranslator } from '@jupyterlab/translation';
import { cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';
import { afterEach, expect, test, vi } from 'vitest';

import { CommandIDs } from '../src/commandIds';
import type { IEnvironment, ITrainingEngine } from '../src/messages';
import { EngineDetails } from '../src/views/engineDetails';
import { EnginesView } from '../src/views/engines';

const trans = nullTranslator.load('kd_magics');
const ENGINE: ITrainingEngine = {
  name: 'training-engine',
  magic: 'trainingengine',
  ml_engine: 'python',
  state: 'Answers',
  reason: '',
  answered: null,
  is_2020: false,
  queue: { queued: 3, running: 1, limit: 4 },
  python: '3.11.7',
  kd_magics: '1.0',
  node: 'node-1',
  cpus: 8,
  load: 0.35,
  memory_bytes: 16 * 2 ** 30,
  memory_free_bytes: 12 * 2 ** 30,
  gpus: [
    { name: 'A100', memory_bytes: 40 * 2 ** 30 },
    { name: 'A100', memory_bytes: 40 * 2 ** 30 }
  ]
};

afterEach(cleanup);

function shown(training: ITrainingEngine, execute = vi.fn(), notices: string[] = []): void {
  const deployment = [
    {
      name: 'd',
      state: 'Answers' as const,
      reason: '',
      answered: null,
      members: 2,
      models: { Ready: 3 }
    }
  ];
  const engines = { training: [training], deployment, notices };
  render(<EnginesView trans={trans} execute={execute} engines={engines} />);
}

test('a training cluster tells its state, its queue and what a job finds there', () => {
  shown(ENGINE);
  const list = screen.getByRole('list', { name: 'Training clusters' });
  const text = within(list).getByRole('listitem').textContent;
  for (const fact of [
    'Answers',
    '1 of 4 running, 3 waiting',
    'load 35 %',
    'Python 3.11.7',
    '8 CPUs',
    '12.0 GiB of 16.0 GiB free',
    '2 × A100 (40.0 GiB)'
  ]) {
    expect(text).toContain(fact);
  }
});

test('one that is down says why, and when it answered last', () => {
  const reason = 'Cluster training-engine does not answer; see its pod.';
  const answered = new Date(Date.now() - 5 * 60_000).toISOString();
  shown({ ...ENGINE, state: 'Down', reason, answered, queue: null, load: null });
  expect(screen.getByText(reason)).toBeTruthy();
  expect(screen.getByText('last answered 5 min ago')).toBeTruthy();
  expect(screen.getByText('Does not answer')).toBeTruthy();
});

test('an engine of 2020 tells nothing, and that is said', () => {
  const nothing = { queue: null, python: '', cpus: null, load: null, memory_bytes: null };
  shown({ ...ENGINE, ...nothing, memory_free_bytes: null, gpus: [], is_2020: true });
  expect(screen.getByText('legacy (2020) engine: it reports no more')).toBeTruthy();
});

test('a deployment cluster tells its members and models; notices are told', () => {
  shown(ENGINE, vi.fn(), ['Two clusters have one short name.']);
  const list = screen.getByRole('list', { name: 'Deployment clusters' });
  expect(list.textContent).toContain('2 members');
  expect(list.textContent).toContain('3 models Ready');
  expect(screen.getByRole('status').textContent).toBe('Two clusters have one short name.');
});

test('a cell is inserted and details are shown by commands', () => {
  const execute = vi.fn();
  shown(ENGINE, execute);
  fireEvent.click(screen.getByRole('button', { name: /^Insert a cell/ }));
  fireEvent.click(screen.getByRole('button', { name: /^Details/ }));
  expect(execute.mock.calls).toEqual([
    [CommandIDs.insertCell, { cluster: 'training-engine' }],
    [CommandIDs.showEngine, { cluster: 'training-engine' }]
  ]);
});

test('the file systems of an engine are told, its packages can be searched', async () => {
  const mounts = [
    { path: '/repo', kind: 'nfs4', is_read_only: false, size_bytes: 2048, free_bytes: 1024 },
    { path: '/data', kind: 'ceph', is_read_only: true, size_bytes: null, free_bytes: null }
  ];
  const packages = { numpy: '2.0', pandas: '2.2', 'scikit-learn': '1.5' };
  const environment = async (): Promise<IEnvironment> =>
    ({
      ...ENGINE,
      cluster: 'c',
      packages,
      mounts,
      queue: ENGINE.queue!
    }) as unknown as IEnvironment;
  render(<EngineDetails trans={trans} engine={ENGINE} environment={environment} />);
  await screen.findByText('3 of 3 packages');
  const list = screen.getByRole('list', { name: 'File systems' });
  expect([...list.children].map(place => place.textContent)).toEqual([
    '/repo project repository, nfs4, 1.0 KiB of 2.0 KiB free',
    '/data ceph, read-only'
  ]);
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'PAND' } });
  expect(screen.getByText('1 of 3 packages')).toBeTruthy();
  expect(screen.queryByText('numpy')).toBeNull();
});

test('why packages cannot be told is said', async () => {
  const environment = async (): Promise<IEnvironment> => {
    throw new Error('Cluster c has a legacy (2020) engine.');
  };
  render(<EngineDetails trans={trans} engine={ENGINE} environment={environment} />);
  expect((await screen.findByRole('alert')).textContent).toBe(
    'Cluster c has a legacy (2020) engine.'
  );
});
