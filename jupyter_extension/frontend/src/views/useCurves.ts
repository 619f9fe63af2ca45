import React from 'react';

import type { Api } from '../api';
import { nameOf, referenceOf } from '../jobReference';
import type { ICurves, IJob } from '../messages';

const EVERY_MS = 2_000;

/**
 * Return a job's curves, asked for again when the job tells that there is more; null before.
 *
 * Who shows a job that is no longer looked after asks nothing, as the job does not change.
 */
export function useCurves(api: Api, job: IJob | null): ICurves | null {
  const [curves, setCurves] = React.useState<ICurves | null>(null);
  const asked = React.useRef(-Infinity);
  const isShown = React.useRef(false);
  const name = job && job.started ? nameOf(referenceOf(job)) : '';
  const state = job && `${job.status} ${job.log_size} ${job.usage?.sampled}`;
  React.useEffect(() => {
    isShown.current = true;
    return () => {
      isShown.current = false;
    };
  }, []);
  React.useEffect(() => {
    if (!name) {
      return;
    }
    const [cluster, id] = name.split('/');
    const ask = (): void => {
      asked.current = Date.now();
      api.curves(cluster, Number(id)).then(
        found => isShown.current && setCurves(found),
        () => undefined // the job itself tells what is wrong
      );
    };
    const timer = window.setTimeout(ask, Math.max(0, asked.current + EVERY_MS - Date.now()));
    return () => window.clearTimeout(timer);
  }, [api, name, state]);
  return curves;
}
