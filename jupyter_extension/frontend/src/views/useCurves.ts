import React from 'react';

import type { Api } from '../api';
import { nameOf, referenceOf } from '../jobReference';
import type { ICurves, IJob } from '../messages';
import { CurvesOf, IWantedCurves } from '../model/curvesOf';

/** Return a job's curves, asked for again when the job tells that there is more; null before. */
export function useCurves(api: Api, job: IJob | null): ICurves | null {
  const isTold = job?.started;
  const state = isTold ? `${job.status} ${job.log_size} ${job.usage?.sampled}` : '';
  const name = isTold ? nameOf(referenceOf(job)) : '';
  const wanted = React.useMemo(() => {
    const [cluster, id] = name.split('/');
    return name ? [{ cluster, job: Number(id), state }] : [];
  }, [name, state]);
  const found = useCurvesOf(api, wanted);
  return wanted.length ? (found?.of(wanted[0]) ?? null) : null;
}

/** Return the curves of several jobs, as far as they have arrived; null before the first look. */
export function useCurvesOf(api: Pick<Api, 'curves'>, wanted: IWantedCurves[]): CurvesOf | null {
  const [found, setFound] = React.useState<{ curves: CurvesOf } | null>(null);
  React.useEffect(() => {
    const curves = new CurvesOf(api);
    // Another object each time, so that it is drawn anew.
    curves.changed.connect(() => setFound({ curves }));
    setFound({ curves });
    return () => curves.dispose();
  }, [api]);
  const curves = found?.curves;
  React.useEffect(() => curves?.want(wanted), [curves, wanted]);
  return curves ?? null;
}
