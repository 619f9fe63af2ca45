import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import uPlot from 'uplot';

import { ILine, span } from '../model/curves';
import { numberText } from '../words';

const HEIGHT = 140;
/** Points are marked where they are so few that a line alone would not show them. */
const MOST_MARKED = 30;

/** What a chart shows, and how its values are written. */
export interface IChartProps {
  trans: TranslationBundle;
  title: string;
  lines: ILine[];
  /** What stands along the axis to the right. */
  xLabel: string;
  xText?: (x: number) => string;
  yText?: (y: number) => string;
  /** How far the marks of the axis upwards may be apart; decimal numbers where it is not told. */
  ySteps?: number[];
  /** Whether the axis upwards begins at 0. */
  fromZero?: boolean;
}

/** Lines over a common axis, with the values at the pointer; told in words as well. */
export function Chart(props: IChartProps): JSX.Element {
  const { title, lines } = props;
  const place = React.useRef<HTMLDivElement>(null);
  const newest = React.useRef(props);
  newest.current = props;
  const plot = React.useRef<uPlot | null>(null);
  const labels = JSON.stringify(lines.map(({ label }) => label));
  React.useEffect(() => {
    const { current } = place;
    const drawn = new uPlot(options(newest, current!.clientWidth), [[]], current!);
    plot.current = drawn;
    const sizes = new ResizeObserver(() =>
      drawn.setSize({ width: current!.clientWidth, height: HEIGHT })
    );
    sizes.observe(current!);
    // The colors are those of the theme.
    const themes = new MutationObserver(() => drawn.redraw());
    themes.observe(document.body, { attributeFilter: ['data-jp-theme-name'] });
    return () => {
      sizes.disconnect();
      themes.disconnect();
      drawn.destroy();
    };
  }, [labels]);
  React.useEffect(() => {
    const tables = lines.map(({ points }): uPlot.AlignedData => [
      points.map(([x]) => x),
      points.map(([, y]) => y)
    ]);
    plot.current!.setData(uPlot.join(tables));
  }, [lines]);
  return (
    <figure className="kd-Chart">
      <figcaption>{title}</figcaption>
      <div ref={place} className="kd-Chart-plot" role="group" aria-label={words(props)} />
    </figure>
  );
}

/** Return what a chart shows, for who cannot see it. */
function words({ trans, title, lines, yText = numberText }: IChartProps): string {
  const told = lines.map(({ label, points }) => {
    const found = span(points);
    const values = found
      ? trans.__(
          'from %1 to %2, least %3, greatest %4',
          ...[found.first, found.last, found.least, found.greatest].map(yText)
        )
      : trans.__('no values');
    return lines.length > 1 ? `${label}: ${values}` : values;
  });
  return `${title}: ${told.join('; ')}`;
}

function options(props: React.MutableRefObject<IChartProps>, width: number): uPlot.Options {
  const { lines, xLabel, fromZero } = props.current;
  const xText = (x: number): string => (props.current.xText ?? numberText)(x);
  const yText = (y: number): string => (props.current.yText ?? numberText)(y);
  const text = (): string => themed('--jp-ui-font-color1');
  const grid = { stroke: () => themed('--jp-border-color2'), width: 1 };
  const axis = { stroke: text, grid, ticks: grid, font: `11px ${themed('--jp-ui-font-family')}` };
  const range: uPlot.Scale.Range = (_plot, _least, greatest) => [
    0,
    uPlot.rangeNum(0, greatest || 1, 0.1, true)[1] ?? greatest
  ];
  return {
    width,
    height: HEIGHT,
    padding: [8, 16, 0, 0],
    scales: { x: { time: false }, y: fromZero ? { range } : {} },
    series: [
      { label: xLabel, value: (_, x) => (x === null ? '–' : xText(x)) },
      ...lines.map(({ label }, index) => ({
        label: label || props.current.title,
        stroke: () => color(index),
        width: 1.5,
        spanGaps: true,
        points: { show: (plot: uPlot) => plot.data[0].length <= MOST_MARKED, size: 4 },
        value: (_: uPlot, y: number | null) => (y === null ? '–' : yText(y))
      }))
    ],
    axes: [
      { ...axis, values: (_, xs) => xs.map(xText), size: 28 },
      { ...axis, values: (_, ys) => ys.map(yText), size: 64, incrs: props.current.ySteps }
    ]
  };
}

function themed(name: string): string {
  return getComputedStyle(document.body).getPropertyValue(name).trim();
}

/** Return a line's color: the hues of neighbours are far apart, in light themes and in dark ones. */
function color(index: number): string {
  const isLight = document.body.dataset.jpThemeLight !== 'false';
  return `hsl(${(210 + index * 137.5) % 360} ${isLight ? '75% 40%' : '80% 68%'})`;
}
