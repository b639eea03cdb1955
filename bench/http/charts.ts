/** Charts of the results, as SVG. */

import * as echarts from 'echarts';
import type { Chart } from '../results.js';

const WIDTH = 1000;
const HEIGHT = 520;
/** One a series. Distinguishable with color blindness. (Okabe and Ito.) */
export const COLORS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'];

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

/**
 * Draws a chart. Its background is white, which is legible on light and dark pages.
 *
 * @param name part of its file name
 * @param option the axes and the series, as ECharts has them
 */
export function draw(name: string, title: string, option: echarts.EChartsOption, height = HEIGHT): Chart {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
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
