import type { IDeployment, IModel } from './messages';

/** A version of a model, as commands name it. */
export interface IModelReference {
  name: string;
  version: string;
}

/** Return `taxi/2`. */
export function modelName({ name, version }: IModelReference): string {
  return `${name}/${version}`;
}

/** Return what names a version, and nothing else of it. */
export function modelReference({ name, version }: IModelReference): IModelReference {
  return { name, version };
}

/** Return `taxi/2` as a reference; undefined for what is none. */
export function parseModel(text: string): IModelReference | undefined {
  const [name, version, rest] = text.split('/');
  return name && version && rest === undefined ? { name, version } : undefined;
}

/** Return where a version is deployed and how it is there: `engine (Failed: No file.)`. */
export function placesOf(model: IModel, deployments: IDeployment[]): string {
  return model.deployed_on
    .map(cluster => {
      const models = deployments.find(one => one.name === cluster)?.models ?? [];
      const served = models.find(one => modelName(one) === modelName(model));
      const state = [served?.state, served?.reason].filter(Boolean).join(': ');
      return state ? `${cluster} (${state})` : cluster;
    })
    .join(', ');
}

/** Return the versions in which every word of a search stands somewhere. */
export function searched(models: IModel[], text: string): IModel[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) {
    return models;
  }
  return models.filter(model => {
    const { author, notebook, job_cluster, job_id } = model.lineage;
    const said = [
      ...[modelName(model), model.description, model.path, ...model.aliases],
      ...[...model.deployed_on, author, notebook, job_cluster && `${job_cluster}/${job_id}`]
    ];
    const all = said.filter(Boolean).join(' ').toLowerCase();
    return words.every(word => all.includes(word));
  });
}
