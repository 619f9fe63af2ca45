import { MimeModel, RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Api } from '../src/api';
import { CommandIDs } from '../src/commandIds';
import type { IJob, IJobOutput } from '../src/messages';
import { JobWatch } from '../src/model/jobWatch';
import liveCells from '../src/plugins/liveCells';
import { RequestError } from '../src/request';
import { LiveCell, MIME } from '../src/views/liveCellWidget';
import { page, someJob, until } from './someJobs';

const trans = nullTranslator.load('kd_magics');
const SAVED = {
  version: 1,
  cluster: 'c',
  job: 9,
  name: 'fit',
  status: 'Running',
  submitted: '2026-01-01T00:00:00Z'
};

/** The observers of what is in sight: a test says whether it is. */
let observers: { see: (is: boolean) => void }[];
let execute: ReturnType<typeof vi.fn<(id: string, args?: object) => void>>;
let answer: () => IJob;
let job: ReturnType<typeof vi.fn<() => Promise<IJob>>>;
let outputs: ReturnType<typeof vi.fn<Api['outputs']>>;
let jobs: ReturnType<typeof vi.fn<Api['jobs']>>;
let watch: JobWatch;
let cell: LiveCell;

beforeEach(() => {
  vi.useFakeTimers();
  observers = [];
  globalThis.IntersectionObserver = class {
    constructor(told: IntersectionObserverCallback) {
      const see = (isIntersecting: boolean): void =>
        told([{ isIntersecting } as IntersectionObserverEntry], this as never);
      observers.push({ see });
    }
    observe(): void {}
    disconnect(): void {}
  } as unknown as typeof IntersectionObserver;
  execute = vi.fn();
  answer = () => someJob(9, { name: 'fit', status: 'Running', log_size: 12 });
  job = vi.fn(async () => answer());
  const logPart = async (): Promise<Response> => new Response('one\n 50%\r100%\n');
  outputs = vi.fn<Api['outputs']>(async () => ({ outputs: [], next: 0 }));
  jobs = vi.fn<Api['jobs']>();
  const api = { job, jobs, logPart, outputs } as unknown as Api;
  watch = new JobWatch(api);
  const rendermime = new RenderMimeRegistry({ initialFactories: standardRendererFactories });
  cell = new LiveCell(api, watch, rendermime, { trans, execute });
});

afterEach(() => {
  cell.dispose();
  watch.dispose();
  vi.useRealTimers();
});

async function shown(saved: object = SAVED): Promise<void> {
  Widget.attach(cell, document.body);
  await act(() => cell.renderModel(new MimeModel({ data: { [MIME]: saved as never } })));
}

const text = (): string => cell.node.textContent!;

test('a cell that cannot be seen shows what was saved, and asks nothing', async () => {
  await shown();
  expect(text()).toContain('fit');
  expect(text()).toContain('Running');
  await vi.advanceTimersByTimeAsync(100);
  expect(job).not.toHaveBeenCalled();
});

test('a cell in sight is live: state, last lines of the log, buttons', async () => {
  await shown();
  act(() => observers[0].see(true));
  await until(() => text().includes('100%'));
  expect(cell.node.querySelector('pre')!.textContent).toBe('one\n100%');
  fireEvent.click(screen.getByRole('button', { name: 'Open log' }));
  fireEvent.click(screen.getByRole('button', { name: 'Cancel…' }));
  expect(execute.mock.calls).toEqual([
    [CommandIDs.openJob, { cluster: 'c', job: 9 }],
    [CommandIDs.cancelJob, { cluster: 'c', job: 9 }]
  ]);
  answer = () => someJob(9, { status: 'Finished', log_size: 12 });
  await until(() => text().includes('Run again…'));
  expect(text()).not.toContain('Cancel…');
});

test('its rich outputs are drawn, asked for only where there are more', async () => {
  const html = (text: string, displayId: string | null = null): IJobOutput => ({
    offset: 0,
    output: { output_type: 'display_data', data: { 'text/html': text }, metadata: {} },
    display_id: displayId
  });
  answer = () => someJob(9, { status: 'Running', outputs_size: 100 });
  outputs.mockResolvedValueOnce({ outputs: [html('<b>first</b>', 'a')], next: 60 });
  outputs.mockResolvedValueOnce({ outputs: [html('<img src=x onerror=alert(1)>')], next: 100 });
  await shown();
  act(() => observers[0].see(true));
  await until(() => cell.node.querySelectorAll('.kd-LiveCell-output').length === 2);
  expect(cell.node.querySelector('.kd-LiveCell-output b')!.textContent).toBe('first');
  expect(cell.node.innerHTML).not.toContain('onerror');
  await vi.advanceTimersByTimeAsync(3_000);
  expect(outputs.mock.calls).toEqual([
    ['c', 9, 0],
    ['c', 9, 60]
  ]);
  answer = () => someJob(9, { status: 'Finished', outputs_size: 130 });
  outputs.mockResolvedValueOnce({ outputs: [html('last'), html('newer', 'a')], next: 130 });
  await until(() => text().includes('last'));
  const shownNow = [...cell.node.querySelectorAll('.kd-LiveCell-output')];
  expect(shownNow.map(one => one.textContent)).toEqual(['newer', '', 'last']);
});

test('what others asked of its job a moment before is shown at once, with its log', async () => {
  const all = [1, 2, 3, 4, 9].map(id => someJob(id, { status: 'Finished', log_size: 12 }));
  jobs.mockResolvedValue(page(all));
  [1, 2, 3, 4].forEach(id => watch.find({ cluster: 'c', job: id }).want());
  await until(() => jobs.mock.calls.length === 1);
  await shown();
  act(() => observers[0].see(true));
  await until(() => text().includes('100%'));
  expect(job).not.toHaveBeenCalledWith('c', 9);
});

test('what is saved says as of when it is until there is news', async () => {
  await shown({ ...SAVED, as_of: '2026-01-01T10:05:00Z' });
  expect(text()).toContain('as of');
  act(() => observers[0].see(true));
  await until(() => !text().includes('as of'));
});

test('what is scrolled away asks nothing more', async () => {
  await shown();
  act(() => observers[0].see(true));
  await until(() => job.mock.calls.length === 1);
  act(() => observers[0].see(false));
  await vi.advanceTimersByTimeAsync(1_200);
  expect(job).toHaveBeenCalledTimes(1);
});

test('where the server does not know it, it shows what was saved, and says so in one line', async () => {
  answer = () => {
    throw new RequestError(404, 'UnknownCluster', 'Cluster c is not connected here.');
  };
  await shown();
  act(() => observers[0].see(true));
  await until(() => text().includes('This is what was saved'));
  expect(screen.getByRole('status').textContent).toBe(
    'This is what was saved: Cluster c is not connected here.'
  );
  expect(text()).toContain('submitted');
  expect(screen.queryByRole('button')).toBeNull();
});

test('an output that names no job says so', async () => {
  await shown({ version: 1 });
  expect(text()).toBe('This output names no job.');
});

test('the card wins over its HTML, trusted or not, and is found no more without the plugin', () => {
  const rendermime = new RenderMimeRegistry({ initialFactories: standardRendererFactories });
  const bundle = { [MIME]: SAVED, 'text/html': '<b>card</b>', 'text/plain': 'card' };
  expect(rendermime.preferredMimeType(bundle, 'any')).toBe('text/html');
  void liveCells.activate(
    { commands: {} } as never,
    {} as never,
    rendermime as never,
    null,
    null as never
  );
  for (const safe of ['ensure', 'prefer', 'any'] as const) {
    expect(rendermime.preferredMimeType(bundle, safe)).toBe(MIME);
  }
});
