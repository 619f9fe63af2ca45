import React from 'react';

import { ILine, span } from '../model/curves';

const WIDTH = 48;
const HEIGHT = 12;

/** A line without axes, as high as text; the value that it belongs to stands beside it. */
export function Sparkline({ points }: { points: ILine['points'] }): JSX.Element | null {
  const found = span(points);
  if (!found || points.length < 2) {
    return null;
  }
  const { least, greatest } = found;
  const [left, right] = [points[0][0], points[points.length - 1][0]];
  const x = (value: number): number => ((value - left) / (right - left || 1)) * WIDTH;
  const y = (value: number): number =>
    greatest > least ? (1 - (value - least) / (greatest - least)) * HEIGHT : HEIGHT / 2;
  const drawn = points
    .filter(([, value]) => Number.isFinite(value))
    .map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  return (
    <svg
      className="kd-Sparkline"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`-1 -1 ${WIDTH + 2} ${HEIGHT + 2}`}
      aria-hidden="true"
    >
      <polyline points={drawn.join(' ')} />
    </svg>
  );
}
