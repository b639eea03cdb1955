/** Charts of the results, as SVG. */

import * as echarts from 'echarts';
import type { Chart } from '../results.js';
import { median } from '../statistics.js';
import type { MeasuredCell } from './matrix-cell.js';
import type { Measurement } from './measurement.js';
import { SCENARIOS } from './scenarios.js';

const WIDTH = 1000;
const HEIGHT = 520;
/** Distinguishable with color blindness. (Okabe and Ito.) */
const COLORS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'];

/** Latency by connections, a line for each scenario: the median on the left, the 99th percentile on the right. */
export function latencyChart(cells: readonly MeasuredCell[], connections: readonly number[]): Chart {
  const panels = [
    { name: 'p50', of: ({ latency }: Measurement) => latency.p50 },
    { name: 'p99', of: ({ latency }: Measurement) => latency.p99 },
  ];
  const title = 'Latency by connections, engine index, 2 workers';
  const axis = {
    nameLocation: 'middle' as const,
    nameTextStyle: { color: '#333' },
    axisLabel: { color: '#333' },
  };
  const series = panels.flatMap(({ of }, panel) =>
    SCENARIOS.map((scenario, index) => ({
      type: 'line' as const,
      name: scenario,
      xAxisIndex: panel,
      yAxisIndex: panel,
      symbolSize: 7,
      // Colours repeat after the last one: the second time, lines are dashed.
      lineStyle: { type: index < COLORS.length ? ('solid' as const) : ('dashed' as const) },
      data: connections.map((count) => {
        const cell = cells.find((each) => each.scenario === scenario && each.connections === count);
        return cell === undefined ? null : Number(median(cell.rounds.map(of)).toFixed(3));
      }),
    })),
  );
  // Both axes have the same range, so that heights can be compared.
  const all = series.flatMap(({ data }) => data.filter((ms) => ms !== null));
  const range = {
    min: powerOfTen(Math.min(...all), Math.floor),
    max: powerOfTen(Math.max(...all), Math.ceil),
  };
  return draw('latency', title, {
    grid: [
      { left: 70, right: '53%', top: 70, bottom: 150 },
      { left: '53%', right: 30, top: 70, bottom: 150 },
    ],
    xAxis: panels.map((_, gridIndex) => ({
      ...axis,
      type: 'category' as const,
      gridIndex,
      name: 'connections',
      nameGap: 30,
      data: connections.map(String),
    })),
    yAxis: panels.map(({ name }, gridIndex) => ({
      ...axis,
      ...range,
      type: 'log' as const,
      gridIndex,
      name: `${name}, ms (log)`,
      nameGap: 45,
    })),
    legend: {
      bottom: 15,
      itemGap: 30,
      textStyle: { fontSize: 13, width: 190, overflow: 'none' },
      data: [...SCENARIOS],
    },
    series,
  });
}

/** Throughput by dataset size, with an axis that starts at zero: the line should be flat. */
export function sizesChart(megabytes: readonly number[], rates: readonly number[]): Chart {
  const title = 'Throughput by dataset size: hits, as many different prompts, no cache, 32 connections';
  return draw('sizes', title, {
    grid: { left: 90, right: 40, top: 70, bottom: 70 },
    xAxis: {
      type: 'log',
      name: 'dataset, MB (log)',
      nameLocation: 'middle',
      nameGap: 35,
      min: Math.min(...megabytes) / 2,
      max: Math.max(...megabytes) * 2,
      axisLabel: { showMinLabel: false, showMaxLabel: false },
    },
    yAxis: { type: 'value', name: 'requests/s', nameLocation: 'middle', nameGap: 60, min: 0 },
    series: [
      {
        type: 'line',
        symbolSize: 9,
        data: megabytes.map((size, i) => [size, Math.round(rates[i] ?? 0)]),
        label: {
          show: true,
          position: 'top',
          formatter: ({ value }) => (value as number[]).join(' MB: '),
        },
      },
    ],
  });
}

function draw(name: string, title: string, option: echarts.EChartsOption): Chart {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    ...option,
    color: COLORS,
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, left: 'center', top: 15, textStyle: { fontSize: 16 } },
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return { name, title, svg };
}

function powerOfTen(value: number, round: (exponent: number) => number): number {
  return 10 ** round(Math.log10(value));
}
