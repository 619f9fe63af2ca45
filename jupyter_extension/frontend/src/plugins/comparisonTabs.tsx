import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { InputDialog, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { CommandIDs } from '../commandIds';
import { pipelineIcon } from '../icons';
import { nameOf } from '../jobReference';
import type { IComparison } from '../messages';
import { comparedJobs } from '../model/comparedJobs';
import { IPipeline, Pipeline } from '../model/pipeline';
import { ComparisonView } from '../views/comparison';
import { ComparisonCurves } from '../views/comparisonCurves';
import { IViewProps, Section } from '../views/section';
import { showTab } from './mainTabs';
import { tell } from './telling';

/** Jobs side by side as tabs of the main area, which are there again after a reload. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'kd-magics:comparison-tabs',
  description: 'Tabs that set jobs side by side.',
  autoStart: true,
  requires: [IPipeline],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    pipeline: Pipeline,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kd_magics');
    const tracker = new WidgetTracker<MainAreaWidget<ComparisonTab>>({
      namespace: 'kd-magics-comparisons'
    });
    const { commands } = app;
    const props: IViewProps = { trans, execute: (id, args) => void commands.execute(id, args) };
    commands.addCommand(CommandIDs.compareJobs, {
      label: trans.__('Compare Jobs…'),
      icon: pipelineIcon,
      execute: async args => {
        const jobs = (args.jobs as string[] | undefined) ?? (await chosenJobs(pipeline, trans));
        if (!jobs) {
          return;
        }
        const isIt = (tab: ComparisonTab): boolean => tab.jobs.join() === jobs.join();
        const make = (): ComparisonTab => new ComparisonTab(pipeline, props, jobs);
        await showTab(app, tracker, isIt, { name: jobs.join(' '), icon: pipelineIcon, make });
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.compareJobs,
      name: tab => tab.content.jobs.join(),
      args: tab => ({ jobs: tab.content.jobs })
    });
  }
};

export default plugin;

/** Jobs side by side; asked for again while one of them runs. */
class ComparisonTab extends Section<IComparison> {
  constructor(
    pipeline: Pipeline,
    props: IViewProps,
    readonly jobs: string[]
  ) {
    const polled = comparedJobs(jobs, pipeline.api.compare);
    super(polled, props, comparison => (
      <div className="kd-Comparison">
        <ComparisonView {...props} comparison={comparison} />
        <ComparisonCurves {...props} api={pipeline.api} comparison={comparison} />
      </div>
    ));
    this.title.label = props.trans.__('Comparison of %1 jobs', jobs.length);
    this.disposed.connect(() => polled.dispose());
  }
}

/** Return the jobs that are chosen in the sidebar, or ask which of the newest. */
async function chosenJobs(
  pipeline: Pipeline,
  trans: TranslationBundle
): Promise<string[] | undefined> {
  const chosen = [...(pipeline.jobList.value?.chosen ?? [])];
  if (chosen.length > 1) {
    return chosen;
  }
  await pipeline.jobs.refresh();
  const jobs = pipeline.jobs.value?.jobs ?? [];
  if (jobs.length < 2) {
    tell(pipeline.jobs.error?.message ?? trans.__('There are no two jobs yet.'));
    return undefined;
  }
  const { value } = await InputDialog.getMultipleItems({
    title: trans.__('Compare jobs'),
    items: jobs.map(job => `${nameOf(job)} ${job.name}`)
  });
  return value?.length ? value.map(one => one.split(' ')[0]) : undefined;
}
