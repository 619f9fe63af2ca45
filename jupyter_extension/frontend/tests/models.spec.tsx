import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import React from 'react';
import { expect, test } from 'vitest';

import type { IDeployment, IModel } from '../src/messages';
import { DeploymentsView } from '../src/views/deployments';
import { ModelsView } from '../src/views/models';

const trans = nullTranslator.load('kd_magics');
const props = { trans, execute: (): void => undefined };
const registry = { models: [], place: '/m', generation: 'a', problems: [] };

test('an empty registry says how to begin, and a broken ConfigMap is told', () => {
  render(<ModelsView {...props} registry={{ ...registry, problems: ['ConfigMap x is bad.'] }} />);
  expect(screen.getByText(/^No model yet/)).toBeTruthy();
  expect(screen.getByText('ConfigMap x is bad.')).toBeTruthy();
});

test('a thousand versions are drawn as few rows', () => {
  const models = Array.from({ length: 1000 }, (_, n) => someModel(String(n)));
  render(<ModelsView {...props} registry={{ ...registry, models }} />);
  expect(screen.queryAllByRole('listitem').length).toBeLessThan(100);
});

test('a deployment tells its members and how its models are', () => {
  const models = [
    {
      ...{ name: 'taxi', version: '2', wanted: true, state: 'Failed', reason: 'No file.' },
      ...{ since: '', restarts: 0, aliases: [], url: '', has_example: false }
    }
  ];
  const engine: IDeployment = {
    ...{ name: 'engine', app: 'deployment-engine', connected: true, state: 'configured' },
    ...{ reason: '', members_wanted: 2, members: 1, models }
  };
  render(<DeploymentsView {...props} list={{ deployments: [engine], apps: [] } as never} />);
  expect(screen.getByText('1 of 2 members')).toBeTruthy();
  expect(screen.getByText('Failed')).toBeTruthy();
  expect(screen.getByText('No file.')).toBeTruthy();
});

function someModel(version: string): IModel {
  return {
    ...{ name: 'taxi', version, configmap: `taxi-${version}`, description: '', path: 'p' },
    ...{ scoring_path: 's', size_bytes: 1, metrics: {}, aliases: [], deployed_on: [], flags: [] },
    ...{ lineage: {} as IModel['lineage'], extra: {} }
  };
}
