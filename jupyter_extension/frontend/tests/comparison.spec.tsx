import { nullTranslator } from '@jupyterlab/translation';
import { cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';
import { afterEach, expect, test, vi } from 'vitest';

import { CommandIDs } from '../src/commandIds';
import type { IComparison } from '../src/messages';
import { sortedJobs } from '../src/model/comparison';
import { ComparisonView } from '../src/views/comparison';

const trans = nullTranslator.load('kd_magics');
const row = (id: number, params: object, metrics: object) => ({
  cluster: 'c',
  id,
  name: `run ${id}`,
  status: 'Finished',
  params: { ...params },
  metrics: { ...metrics } as { [name: string]: number }
});
const COMPARISON: IComparison = {
  jobs: [
    row(1, { lr: 0.1, kind: 'adam' }, { rmse: 2 }),
    row(2, { lr: 0.01 }, { rmse: 1.5 }),
    row(3, { lr: 0.05, kind: 'sgd' }, {})
  ],
  params: ['lr', 'kind'],
  metrics: ['rmse'],
  best: { rmse: 1.5 }
};

afterEach(cleanup);

function names(): (string | null)[] {
  return screen.getAllByRole('rowheader').map(cell => within(cell).getByRole('button').textContent);
}

test('what has no value comes last, whichever way it is sorted', () => {
  const order = (name: string, kind: 'param' | 'metric', falls: boolean) =>
    sortedJobs(COMPARISON.jobs, { column: { kind, name }, falls }).map(job => job.id);
  expect(order('rmse', 'metric', false)).toEqual([2, 1, 3]);
  expect(order('rmse', 'metric', true)).toEqual([1, 2, 3]);
  expect(order('kind', 'param', false)).toEqual([1, 3, 2]);
  expect(order('lr', 'param', true)).toEqual([1, 3, 2]);
});

test('the best of a metric is told in words, and columns are sorted by their heads', () => {
  const execute = vi.fn();
  render(<ComparisonView trans={trans} execute={execute} comparison={COMPARISON} />);
  expect(screen.getByRole('img', { name: 'best' }).closest('td')!.textContent).toContain('1.5');
  fireEvent.click(screen.getByRole('button', { name: 'lr' }));
  expect(names()).toEqual(['run 2', 'run 3', 'run 1']);
  const head = screen.getByRole('columnheader', { name: /lr/ });
  expect(head.getAttribute('aria-sort')).toBe('ascending');
  fireEvent.click(screen.getByRole('button', { name: /lr/ }));
  expect(names()).toEqual(['run 1', 'run 3', 'run 2']);
});

test('a row opens its job, once', () => {
  const execute = vi.fn();
  render(<ComparisonView trans={trans} execute={execute} comparison={COMPARISON} />);
  fireEvent.click(screen.getByRole('button', { name: 'run 2' }));
  expect(execute.mock.calls).toEqual([[CommandIDs.openJob, { cluster: 'c', job: 2 }]]);
});
