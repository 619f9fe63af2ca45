import React from 'react';

import type { Api } from '../api';
import type { IJob } from '../messages';
import { metricCharts, usageLines } from '../model/curves';
import { clock, sizeText } from '../words';
import { Chart } from './chart';
import type { IViewProps } from './section';
import { useCurves } from './useCurves';

/** Marks of an axis of sizes: 1, 2, 4, … bytes. */
const BINARY = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** A job's metrics over its epochs, and what it used over time, as far as it tells of them. */
export function JobCurves(props: IViewProps & { api: Api; job: IJob }): JSX.Element | null {
  const { trans, api, job } = props;
  const curves = useCurves(api, job);
  const metrics = React.useMemo(
    () => (curves ? metricCharts([{ label: '', curves }]) : []),
    [curves]
  );
  const usage = React.useMemo(
    () => (curves && curves.usage.length > 1 ? usageLines(curves, job.started) : null),
    [curves, job.started]
  );
  if (!curves || (!metrics.length && !usage)) {
    return null;
  }
  const time = { trans, xLabel: trans.__('time'), xText: clock, fromZero: true };
  return (
    <details className="kd-JobCurves" open>
      <summary>{trans.__('Curves')}</summary>
      {curves.is_sampled && (
        <p className="kd-Quiet">
          {trans.__('The log is long: parts that are spread over it were read for these curves.')}
        </p>
      )}
      <div className="kd-Charts">
        {metrics.map(({ name, lines }) => (
          <Chart key={name} trans={trans} title={name} lines={lines} xLabel={trans.__('step')} />
        ))}
        {usage && (
          <>
            <Chart {...time} title={trans.__('processors, in % of one')} lines={usage.cpu} />
            <Chart
              {...time}
              title={trans.__('memory')}
              lines={usage.memory}
              yText={sizeText}
              ySteps={BINARY}
            />
          </>
        )}
      </div>
    </details>
  );
}
