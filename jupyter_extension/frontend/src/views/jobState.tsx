import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { isEnded } from '../jobReference';
import { agoText, howFar, markOf, statusText, timeLeft, timeText } from '../jobWords';
import type { ICurves, IJob, IProgress } from '../messages';
import { metricPoints } from '../model/curves';
import { numberText } from '../words';
import { Sparkline } from './sparkline';
import { Ticking } from './ticking';

interface IJobProps {
  trans: TranslationBundle;
  job: IJob;
}

/** A job's state as mark and word. */
export function StateWord(props: { trans: TranslationBundle; status: string }): JSX.Element {
  return (
    <span className="kd-State" data-kd-status={props.status}>
      <span className="kd-State-mark" aria-hidden="true">
        {markOf(props.status)}
      </span>{' '}
      {statusText(props.trans, props.status)}
    </span>
  );
}

/** How long a job waits, runs, or took. */
export function JobTime({ trans, job }: IJobProps): JSX.Element {
  return <Ticking every={isEnded(job.status) ? 0 : 1} text={() => timeText(trans, job)} />;
}

/** How long ago a job was submitted. */
export function JobAge({ trans, job }: IJobProps): JSX.Element {
  return <Ticking every={30} text={() => agoText(trans, job.submitted)} />;
}

/** The bar of a job's progress with its words; what is finished needs none. */
export function ProgressBar({ trans, job }: IJobProps): JSX.Element | null {
  const progress = job.progress;
  if (!progress || job.status === 'Finished') {
    return null;
  }
  const words = [howFar(progress), isEnded(job.status) ? '' : timeLeft(trans, progress)];
  const text = words.filter(Boolean).join(' · ');
  const { fraction } = progress;
  return (
    <div className="kd-Progress">
      {fraction !== null && fraction !== undefined && (
        <Bar label={trans.__('Progress')} fraction={fraction} isOver={isEnded(job.status)} />
      )}
      <span>{isEnded(job.status) && text ? trans.__('came to %1', text) : text}</span>
    </div>
  );
}

function Bar(props: { label: string; fraction: number; isOver: boolean }): JSX.Element {
  const percent = Math.round(100 * Math.min(1, Math.max(0, props.fraction)));
  return (
    <div
      className={`kd-Progress-bar${props.isOver ? ' kd-mod-over' : ''}`}
      role="progressbar"
      aria-label={props.label}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}

/** A job's newest metrics; where their curves are given, with these. */
export function Metrics(props: {
  progress: IProgress | null;
  most: number;
  curves?: ICurves | null;
}): JSX.Element | null {
  const metrics = Object.entries(props.progress?.metrics ?? {}).slice(-props.most);
  if (!metrics.length) {
    return null;
  }
  return (
    <span className="kd-Metrics">
      {metrics.map(([name, value]) => (
        <span key={name}>
          {name} <strong>{numberText(value)}</strong>
          <Sparkline points={metricPoints(props.curves?.metrics[name] ?? [])} />
        </span>
      ))}
    </span>
  );
}
