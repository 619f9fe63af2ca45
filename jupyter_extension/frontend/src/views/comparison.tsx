import React from 'react';

import { CommandIDs } from '../commandIds';
import { nameOf } from '../jobReference';
import { titleOf } from '../jobWords';
import type { IComparedJob, IComparison } from '../messages';
import { IOrder, sortedJobs } from '../model/comparison';
import { fieldOf } from '../model/rerun';
import { numberText } from '../words';
import { StateWord } from './jobState';
import type { IViewProps } from './section';

/** Jobs side by side: a row each, a column for each param and metric in which they differ. */
export function ComparisonView(props: IViewProps & { comparison: IComparison }): JSX.Element {
  const { trans, comparison } = props;
  const [order, setOrder] = React.useState<IOrder | null>(null);
  const columns: IOrder['column'][] = [
    { kind: 'name', name: '' },
    { kind: 'status', name: '' },
    ...comparison.params.map(name => ({ kind: 'param' as const, name })),
    ...comparison.metrics.map(name => ({ kind: 'metric' as const, name }))
  ];
  return (
    <table>
      <caption>
        {trans._n('%1 job', '%1 jobs', comparison.jobs.length)}
        {'. '}
        {trans.__('Columns in which all are equal are left out; ★ marks the best of a metric.')}
      </caption>
      <thead>
        <tr>
          {columns.map(column => (
            <Head key={`${column.kind} ${column.name}`} {...{ column, order, setOrder, trans }} />
          ))}
        </tr>
      </thead>
      <tbody>
        {sortedJobs(comparison.jobs, order).map(job => (
          <Row key={`${job.cluster}/${job.id}`} {...props} job={job} />
        ))}
      </tbody>
    </table>
  );
}

function Head(props: {
  trans: IViewProps['trans'];
  column: IOrder['column'];
  order: IOrder | null;
  setOrder: (order: IOrder) => void;
}): JSX.Element {
  const { trans, column, order, setOrder } = props;
  const isOurs = order?.column.kind === column.kind && order.column.name === column.name;
  const falls = isOurs && order.falls;
  const labels = { name: trans.__('Job'), status: trans.__('State') };
  const label = column.name || labels[column.kind as 'name' | 'status'];
  return (
    <th
      scope="col"
      data-kd-column={column.kind}
      aria-sort={isOurs ? (falls ? 'descending' : 'ascending') : 'none'}
    >
      <button type="button" onClick={() => setOrder({ column, falls: isOurs && !falls })}>
        {label} <span aria-hidden="true">{isOurs ? (falls ? '▼' : '▲') : ''}</span>
      </button>
    </th>
  );
}

function Row(props: IViewProps & { comparison: IComparison; job: IComparedJob }): JSX.Element {
  const { trans, execute, comparison, job } = props;
  const reference = { cluster: job.cluster, job: job.id };
  const open = (): void => execute(CommandIDs.openJob, reference);
  return (
    // The button in it does the same for the keyboard.
    <tr onClick={open} data-kd-cluster={job.cluster} data-kd-job={job.id}>
      <th scope="row">
        <button
          type="button"
          className="kd-Link"
          onClick={event => {
            event.stopPropagation();
            open();
          }}
        >
          {titleOf(trans, job)}
        </button>{' '}
        <span className="kd-Quiet">{nameOf(reference)}</span>
      </th>
      <td>
        <StateWord trans={trans} status={job.status} />
      </td>
      {comparison.params.map(name => (
        <td key={name}>{name in job.params ? fieldOf(job.params[name]) : '–'}</td>
      ))}
      {comparison.metrics.map(name => (
        <Metric key={name} value={job.metrics[name]} best={comparison.best[name]} trans={trans} />
      ))}
    </tr>
  );
}

function Metric(props: {
  trans: IViewProps['trans'];
  value: number | undefined;
  best: number | undefined;
}): JSX.Element {
  const { trans, value, best } = props;
  if (value === undefined) {
    return <td>–</td>;
  }
  return value === best ? (
    <td className="kd-Comparison-best">
      <strong>{numberText(value)}</strong>{' '}
      <span role="img" aria-label={trans.__('best')} title={trans.__('best')}>
        ★
      </span>
    </td>
  ) : (
    <td>{numberText(value)}</td>
  );
}
