import React from 'react';

import type { Api } from '../api';
import { isEnded, nameOf } from '../jobReference';
import { titleOf } from '../jobWords';
import type { IComparedJob, IComparison, ICurves } from '../messages';
import { metricCharts } from '../model/curves';
import { Chart } from './chart';
import type { IViewProps } from './section';

/** The metrics of several jobs over their epochs, those of one metric in one chart. */
export function ComparisonCurves(
  props: IViewProps & { api: Api; comparison: IComparison }
): JSX.Element | null {
  const { trans, api, comparison } = props;
  const curves = useCurvesOf(api, comparison.jobs);
  const charts = React.useMemo(
    () =>
      metricCharts(
        comparison.jobs.flatMap(job => {
          const name = referenceText(job);
          const found = curves.get(name);
          const label = `${titleOf(trans, job)} (${name})`;
          return found ? [{ label, curves: found }] : [];
        })
      ),
    [comparison, curves, trans]
  );
  return charts.length ? (
    <div className="kd-Charts">
      {charts.map(({ name, lines }) => (
        <Chart key={name} trans={trans} title={name} lines={lines} xLabel={trans.__('step')} />
      ))}
    </div>
  ) : null;
}

/** Return the jobs' curves, as far as they are there; those of jobs that have ended are kept. */
function useCurvesOf(api: Api, jobs: IComparedJob[]): ReadonlyMap<string, ICurves> {
  const [curves, setCurves] = React.useState<ReadonlyMap<string, ICurves>>(new Map());
  const ended = React.useRef(new Set<string>());
  React.useEffect(() => {
    let isShown = true;
    const asked = jobs.filter(job => !ended.current.has(referenceText(job)));
    void Promise.allSettled(asked.map(job => api.curves(job.cluster, job.id))).then(answers => {
      if (!isShown || !asked.length) {
        return;
      }
      const found = answers.flatMap((answer, index) => {
        const job = asked[index];
        if (answer.status === 'rejected') {
          return []; // the table tells what is wrong with its engine
        }
        if (isEnded(job.status)) {
          ended.current.add(referenceText(job));
        }
        return [[referenceText(job), answer.value] as const];
      });
      setCurves(before => new Map([...before, ...found]));
    });
    return () => {
      isShown = false;
    };
  }, [api, jobs]);
  return curves;
}

function referenceText(job: IComparedJob): string {
  return nameOf({ cluster: job.cluster, job: job.id });
}
