import type { IModel } from '../src/messages';

/** Return a version of the model taxi. */
export function someModel(version: string, given: Partial<IModel> = {}): IModel {
  return {
    ...{ name: 'taxi', version, configmap: `taxi-${version}`, description: '', path: 'p' },
    ...{ scoring_path: 's', size_bytes: 1, metrics: {}, aliases: [], deployed_on: [], flags: [] },
    ...{ lineage: {}, extra: {} },
    ...given
  };
}
