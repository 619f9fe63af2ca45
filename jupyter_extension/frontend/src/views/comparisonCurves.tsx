import React from 'react';

import type { Api } from '../api';
import { nameOf } from '../jobReference';
import { titleOf } from '../jobWords';
import type { IComparedJob, IComparison } from '../messages';
import { metricCharts } from '../model/curves';
import type { IWantedCurves } from '../model/curvesOf';
import { Chart } from './chart';
import type { IViewProps } from './section';
import { useCurvesOf } from './useCurves';

/** The metrics of several jobs over their epochs, those of one metric in one chart. */
export function ComparisonCurves(
  props: IViewProps & { api: Pick<Api, 'curves'>; comparison: IComparison }
): JSX.Element | null {
  const { trans, api, comparison } = props;
  const { jobs } = comparison;
  const found = useCurvesOf(
    api,
    React.useMemo(() => jobs.map(wanted), [jobs])
  );
  const charts = metricCharts(
    jobs.flatMap(job => {
      const reference = wanted(job);
      const curves = found?.of(reference);
      return curves ? [{ label: `${titleOf(trans, job)} (${nameOf(reference)})`, curves }] : [];
    })
  );
  return charts.length ? (
    <div className="kd-Charts">
      {charts.map(({ name, lines }) => (
        <Chart key={name} trans={trans} title={name} lines={lines} xLabel={trans.__('step')} />
      ))}
    </div>
  ) : null;
}

function wanted({ cluster, id, status, metrics }: IComparedJob): IWantedCurves {
  return { cluster, job: id, state: `${status} ${JSON.stringify(metrics)}` };
}
