import { PanelWithToolbar } from '@jupyterlab/ui-components';
import React from 'react';

import type { Api } from '../api';
import { CommandIDs } from '../commandIds';
import { nameOf } from '../jobReference';
import type { IJob } from '../messages';
import type { IJobFilter, IJobList } from '../model/jobList';
import type { Pipeline } from '../model/pipeline';
import { JobFilter } from './jobFilter';
import { JobRow } from './jobRow';
import { IViewProps, Loading, Notices, Section } from './section';
import { VirtualList } from './virtualList';

const ROW_HEIGHT = 56;

/** What the section does with its list. */
export interface IJobListActions {
  setFilter: (changed: Partial<IJobFilter>) => void;
  choose: (job: IJob, is: boolean) => void;
  chooseNone: () => void;
  loadMore: () => void;
}

/** Return the section Jobs. */
export function jobsSection(pipeline: Pipeline, props: IViewProps): PanelWithToolbar {
  const panel = new PanelWithToolbar();
  const { jobList } = pipeline;
  panel.title.label = props.trans.__('Jobs');
  const actions: IJobListActions = {
    setFilter: changed => jobList.setFilter(changed),
    choose: (job, is) => jobList.choose(job, is),
    chooseNone: () => jobList.chooseNone(),
    loadMore: () => void jobList.loadMore()
  };
  panel.addWidget(
    new Section(jobList, props, (list: IJobList) => (
      <JobsView {...props} api={pipeline.api} list={list} actions={actions} />
    ))
  );
  return panel;
}

/** The filter, the list, and below it what can be done with the chosen ones. */
export function JobsView(
  props: IViewProps & { api: Api; list: IJobList; actions: IJobListActions }
): JSX.Element {
  const { trans, execute, api, list, actions } = props;
  return (
    <div className="kd-Jobs">
      <JobFilter trans={trans} filter={list.filter} setFilter={actions.setFilter} />
      <Notices notices={Object.values(list.troubles)} />
      {list.isLoading && <Loading trans={trans} />}
      {!list.jobs.length && !list.isLoading ? (
        <Empty {...props} />
      ) : (
        <VirtualList
          label={trans.__('Jobs')}
          rows={list.jobs}
          keyOf={nameOf}
          estimate={ROW_HEIGHT}
          onEnd={list.hasMore ? actions.loadMore : undefined}
          render={job => (
            <JobRow
              trans={trans}
              execute={execute}
              api={api}
              job={job}
              isChosen={list.chosen.has(nameOf(job))}
              choose={actions.choose}
            />
          )}
        />
      )}
      {list.moreTrouble && (
        <p className="kd-Trouble" role="alert">
          {list.moreTrouble}{' '}
          <button type="button" className="kd-Link" onClick={actions.loadMore}>
            {trans.__('Try again')}
          </button>
        </p>
      )}
      {list.chosen.size > 0 && <Chosen {...props} />}
    </div>
  );
}

function Empty({ trans, list }: { trans: IViewProps['trans']; list: IJobList }): JSX.Element {
  const { mine, status, text } = list.filter;
  return (
    <p className="kd-Empty">
      {mine || status || text
        ? trans.__('No job is like this.')
        : trans.__('No job yet: a cell that begins with the magic of an engine sends one.')}
    </p>
  );
}

function Chosen(props: IViewProps & { list: IJobList; actions: IJobListActions }): JSX.Element {
  const { trans, execute, list, actions } = props;
  const jobs = [...list.chosen];
  return (
    <div className="kd-Jobs-chosen">
      <span role="status">{trans._n('%1 job chosen', '%1 jobs chosen', jobs.length)}</span>
      <button
        type="button"
        className="kd-Button"
        disabled={jobs.length < 2}
        onClick={() => execute(CommandIDs.compareJobs, { jobs })}
      >
        {trans.__('Compare')}
      </button>
      <button type="button" className="kd-Button" onClick={actions.chooseNone}>
        {trans.__('Choose none')}
      </button>
    </div>
  );
}
