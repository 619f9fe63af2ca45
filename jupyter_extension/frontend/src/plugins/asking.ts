import { InputDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { IJobReference, nameOf, parseReference } from '../jobReference';
import { statusText } from '../jobWords';
import type { IJob, ITrainingEngine } from '../messages';
import { IModelReference, modelName, parseModel } from '../modelReference';
import type { Pipeline } from '../model/pipeline';
import { tell, tellTrouble } from './telling';

type Args = { readonly [name: string]: any };

/** Return the training cluster that a command's arguments name, or ask which one. */
export async function chosenEngine(
  pipeline: Pipeline,
  trans: TranslationBundle,
  title: string,
  args: Args
): Promise<ITrainingEngine | undefined> {
  const { engines } = pipeline;
  if (!engines.value) {
    await engines.refresh();
  }
  const training = engines.value?.training ?? [];
  const named = training.find(one => one.name === args.cluster);
  if (named || args.cluster || !training.length) {
    if (!named) {
      tellTrouble(
        args.cluster
          ? trans.__('Cluster %1 is not connected to this notebook server.', args.cluster)
          : (engines.error?.message ?? trans.__('No training cluster is connected.'))
      );
    }
    return named;
  }
  if (training.length === 1) {
    return training[0];
  }
  const { value } = await InputDialog.getItem({
    title,
    label: trans.__('Engine'),
    items: training.map(one => one.name)
  });
  return training.find(one => one.name === value);
}

/** Return the job that a command's arguments name, or ask which one of those that fit. */
export async function chosenJob(
  pipeline: Pipeline,
  trans: TranslationBundle,
  title: string,
  args: Args,
  fits: (job: IJob) => boolean = () => true
): Promise<IJobReference | undefined> {
  if (args.cluster && args.job) {
    return { cluster: String(args.cluster), job: Number(args.job) };
  }
  const { jobs } = pipeline;
  await jobs.refresh();
  const found = (jobs.value?.jobs ?? []).filter(fits);
  if (!found.length) {
    tell(jobs.error?.message ?? trans.__('There is no job for this.'));
    return undefined;
  }
  const items = found.map(job => `${nameOf(job)} ${job.name} (${statusText(trans, job.status)})`);
  const { value } = await InputDialog.getItem({ title, label: trans.__('Job'), items });
  return value ? parseReference(value.split(' ')[0]) : undefined;
}

/** Return the deployment cluster that a command's arguments name, or ask which one. */
export async function chosenDeployment(
  pipeline: Pipeline,
  trans: TranslationBundle,
  title: string,
  args: Args
): Promise<string | undefined> {
  if (args.cluster) {
    return String(args.cluster);
  }
  const { deployments } = pipeline;
  await deployments.refresh();
  const items = (deployments.value?.deployments ?? []).map(one => one.name);
  if (items.length < 2) {
    if (!items.length) {
      tell(deployments.error?.message ?? trans.__('No deployment cluster is known here.'));
    }
    return items[0];
  }
  const { value } = await InputDialog.getItem({ title, label: trans.__('Deployment'), items });
  return value ?? undefined;
}

/** Return the version that a command's arguments name, or ask which one, of a cluster's or of all. */
export async function chosenModel(
  pipeline: Pipeline,
  trans: TranslationBundle,
  title: string,
  args: Args,
  cluster?: string
): Promise<IModelReference | undefined> {
  if (args.name && args.version) {
    return { name: String(args.name), version: String(args.version) };
  }
  const { models, deployments } = pipeline;
  const asked = cluster ? deployments : models;
  await asked.refresh();
  const there = deployments.value?.deployments.find(one => one.name === cluster);
  const items = ((cluster ? there?.models : models.value?.models) ?? []).map(modelName);
  if (!items.length) {
    const none = cluster
      ? trans.__('No model is on %1.', cluster)
      : trans.__('No model is registered yet.');
    tell(asked.error?.message ?? none);
    return undefined;
  }
  const { value } = await InputDialog.getItem({ title, label: trans.__('Model'), items });
  return value ? parseModel(value) : undefined;
}
