import type { IComparedJob } from '../messages';

/** By which column a comparison is sorted; `falls` is the largest first. */
export interface IOrder {
  column: { kind: 'name' | 'status' | 'param' | 'metric'; name: string };
  falls: boolean;
}

/** Return jobs in an order; those that have no value there come last, whichever way it goes. */
export function sortedJobs(jobs: IComparedJob[], order: IOrder | null): IComparedJob[] {
  if (!order) {
    return jobs;
  }
  const sign = order.falls ? -1 : 1;
  return [...jobs].sort((one, other) => {
    const [left, right] = [valueOf(one, order), valueOf(other, order)];
    if (left === undefined || right === undefined) {
      return left === right ? 0 : left === undefined ? 1 : -1;
    }
    return sign * compared(left, right);
  });
}

function valueOf(job: IComparedJob, { column }: IOrder): unknown {
  switch (column.kind) {
    case 'name':
      return job.name || `${job.cluster}/${job.id}`;
    case 'status':
      return job.status;
    case 'param':
      return job.params[column.name];
    case 'metric':
      return job.metrics[column.name];
  }
}

function compared(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') {
    return one - other;
  }
  const text = (value: unknown): string =>
    typeof value === 'string' ? value : JSON.stringify(value);
  return text(one).localeCompare(text(other), undefined, { numeric: true });
}
