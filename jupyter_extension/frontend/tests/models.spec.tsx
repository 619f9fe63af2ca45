import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { expect, test, vi } from 'vitest';

import type { IDeployment, IRepositoryFolder } from '../src/messages';
import { DeploymentsView } from '../src/views/deployments';
import { parseModel, placesOf, searched } from '../src/modelReference';
import { FilePickerView } from '../src/views/filePicker';
import { ModelRow } from '../src/views/modelRow';
import { ModelsView } from '../src/views/models';
import { someModel } from './someModels';

const trans = nullTranslator.load('kd_magics');
const props = { trans, execute: (): void => undefined };
const registry = { models: [], place: '/m', tag: '', generation: 'a', problems: [] };

test('an empty registry says how to begin, and a broken ConfigMap is told', () => {
  render(<ModelsView {...props} registry={{ ...registry, problems: ['ConfigMap x is bad.'] }} />);
  expect(screen.getByText(/^No model yet/)).toBeTruthy();
  expect(screen.getByText('ConfigMap x is bad.')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Register a model…' })).toBeTruthy();
});

test('a search finds by every word, and says where there is nothing', () => {
  const models = [
    someModel('1', { aliases: ['champion'], lineage: { author: 'ada' } }),
    someModel('2', { description: 'without airports', lineage: { author: 'ada' } })
  ];
  expect(searched(models, 'ada air').map(one => one.version)).toEqual(['2']);
  expect(searched(models, ' ').length).toBe(2);
  expect(parseModel('taxi/1')).toEqual({ name: 'taxi', version: '1' });
  expect(parseModel('taxi/1/2')).toBeUndefined();
  render(<ModelsView {...props} registry={{ ...registry, models }} />);
  const search = screen.getByRole('searchbox', { name: 'Search models' });
  fireEvent.change(search, { target: { value: 'nobody' } });
  expect(screen.getByText('No model is like this.')).toBeTruthy();
});

test('a version says how it is where it is deployed', () => {
  const model = someModel('1', { deployed_on: ['engine', 'other'] });
  const served = { name: 'taxi', version: '1', state: 'Failed', reason: 'No file.' };
  const deployments = [{ name: 'engine', models: [served] } as unknown as IDeployment];
  render(<ModelRow {...props} model={model} states={placesOf(model, deployments)} />);
  expect(screen.getByText(/deployed on engine \(Failed: No file\.\), other/)).toBeTruthy();
});

test('a picker opens folders, and chooses what fits', async () => {
  const entry = (path: string, is_folder: boolean): IRepositoryFolder['entries'][number] => ({
    ...{ name: path.split('/').pop()!, path, is_folder, modified: '' },
    size_bytes: is_folder ? null : 5
  });
  const folders: { [path: string]: IRepositoryFolder } = {
    '': { path: '', entries: [entry('code', true), entry('a.txt', false)], left_out: 3 },
    code: { path: 'code', entries: [entry('code/s.py', false)], left_out: 0 }
  };
  const choose = vi.fn();
  render(
    <FilePickerView
      trans={trans}
      list={async path => {
        if (!(path in folders)) {
          throw new Error('nothing there');
        }
        return folders[path];
      }}
      begin="gone"
      fits={one => one.name.endsWith('.py')}
      choose={choose}
    />
  );
  const text = await screen.findByRole('button', { name: 'a.txt' });
  expect((text as HTMLButtonElement).disabled).toBe(true);
  expect(screen.getByText(/^3 more are not shown/)).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Open code' }));
  fireEvent.click(await screen.findByRole('button', { name: 's.py' }));
  expect(choose).toHaveBeenLastCalledWith('code/s.py');
  expect(screen.getByText('Chosen: code/s.py')).toBeTruthy();
});

test('a thousand versions are drawn as few rows', () => {
  const models = Array.from({ length: 1000 }, (_, n) => someModel(String(n)));
  render(<ModelsView {...props} registry={{ ...registry, models }} />);
  expect(screen.queryAllByRole('listitem').length).toBeLessThan(100);
});

test('a deployment tells its members and how its models are', () => {
  const traffic = { per_second: 12.34, failed: 2, p50_ms: 0.512, p99_ms: 12.4 };
  const models = [
    {
      ...{ name: 'taxi', version: '2', wanted: true, state: 'Failed', reason: 'No file.' },
      ...{ since: '', restarts: 0, aliases: [], url: '', has_example: false, traffic },
      ...{ served_by: 'compiled to ONNX', processes: 2 }
    }
  ];
  const engine: IDeployment = {
    ...{ name: 'engine', app: 'deployment-engine', connected: true, state: 'configured' },
    ...{ reason: '', members_wanted: 2, members: 1, models }
  };
  render(<DeploymentsView {...props} list={{ deployments: [engine], apps: [], notices: [] }} />);
  expect(screen.getByText('1 of 2 engines')).toBeTruthy();
  expect(screen.getByText('Failed')).toBeTruthy();
  expect(screen.getByText('No file.')).toBeTruthy();
  expect(screen.getByText('compiled to ONNX')).toBeTruthy();
  expect(screen.getByText('2 processes')).toBeTruthy();
  expect(screen.getByText('12 requests/s, p50 0.51 ms, p99 12 ms, 2 failed')).toBeTruthy();
});
