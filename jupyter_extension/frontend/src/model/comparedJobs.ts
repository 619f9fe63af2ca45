import type { Api } from '../api';
import { isEnded } from '../jobReference';
import type { IComparison } from '../messages';
import { Polled } from './polled';

const FREQUENCY = { interval: 2_000, max: 60_000 };

/** Return jobs side by side, each named `cluster/9`; asked for again while one of them goes on. */
export function comparedJobs(
  jobs: readonly string[],
  compare: Api['compare']
): Polled<IComparison> {
  const ask = async (): Promise<IComparison> => {
    const { value } = polled;
    const isOver = value?.jobs.every(job => isEnded(job.status));
    return isOver ? value! : compare([...jobs]);
  };
  const polled = new Polled<IComparison>('comparison', ask, FREQUENCY);
  return polled;
}
