import { COLORS, draw } from '../http/charts.js';
import type { Measurement } from '../http/measurement.js';
import type { Chart } from '../results.js';
import { median } from '../statistics.js';

/** The rounds of a server with one kind of request and one number of connections. */
export interface BesideCell {
  readonly server: string;
  readonly isStreamed: boolean;
  readonly connections: number;
  readonly rounds: readonly Measurement[];
}

const HEIGHT = 640;
const KINDS = [
  { title: 'whole answers', isStreamed: false },
  { title: 'streamed answers', isStreamed: true },
];
const MEASURES = [
  { title: 'requests/s', of: ({ requestsPerSecond }: Measurement) => requestsPerSecond },
  { title: 'latency, ms, 99th percentile', of: ({ latency }: Measurement) => latency.p99 },
];
const COLUMNS = [
  { left: 90, width: 390 },
  { left: 580, width: 390 },
];
const ROWS = [
  { top: 95, height: 200 },
  { top: 340, height: 200 },
];
const TEXT_COLOR = '#333';

/** Requests a second above, the 99th percentile of latency below, by connections; whole answers on the left, streamed ones on the right. */
export function besideChart(cells: readonly BesideCell[], connections: readonly number[]): Chart {
  const servers = [...new Set(cells.map(({ server }) => server))];
  const middleOf = (
    server: string,
    isStreamed: boolean,
    count: number,
    of: (round: Measurement) => number,
  ) => {
    const cell = cells.find(
      (each) => each.server === server && each.isStreamed === isStreamed && each.connections === count,
    );
    return cell === undefined ? null : Number(median(cell.rounds.map(of)).toPrecision(4));
  };
  const panels = MEASURES.flatMap((measure, row) =>
    KINDS.map((kind, column) => ({ measure, kind, row, column })),
  );
  const series = panels.flatMap(({ measure, kind }, panel) =>
    servers.map((server, index) => ({
      type: 'line' as const,
      name: server,
      xAxisIndex: panel,
      yAxisIndex: panel,
      symbol: 'circle',
      symbolSize: 7,
      color: COLORS[index % COLORS.length] as string,
      lineStyle: { width: 2.5 },
      data: connections.map((count) => middleOf(server, kind.isStreamed, count, measure.of)),
    })),
  );
  // Both panels of a row have the same range, so that heights can be compared.
  const ranges = MEASURES.map((_, row) =>
    rangeOf(series.flatMap(({ yAxisIndex, data }) => (panels[yAxisIndex]?.row === row ? data : []))),
  );
  const axis = { axisLabel: { color: TEXT_COLOR }, nameTextStyle: { color: TEXT_COLOR, fontSize: 13 } };
  return draw(
    'beside',
    'Requests a second and latency by connections',
    {
      grid: panels.map(({ row, column }) => ({ ...COLUMNS[column], ...ROWS[row] })),
      xAxis: panels.map(({ kind, row }, gridIndex) => ({
        ...axis,
        type: 'category' as const,
        gridIndex,
        name: row === 0 ? kind.title : 'connections',
        nameLocation: 'middle' as const,
        // The kind is above the panels, connections are below them.
        nameGap: row === 0 ? -(ROWS[0]?.height ?? 0) - 15 : 30,
        data: connections.map(String),
      })),
      yAxis: panels.map(({ measure, row, column }, gridIndex) => ({
        ...axis,
        ...ranges[row],
        type: 'log' as const,
        gridIndex,
        nameLocation: 'middle' as const,
        nameGap: 55,
        ...(column === 0 && { name: measure.title }),
      })),
      legend: {
        bottom: 12,
        itemGap: 30,
        itemWidth: 40,
        textStyle: { fontSize: 14, color: TEXT_COLOR },
        data: servers,
      },
      series,
    },
    HEIGHT,
  );
}

/** The powers of ten around numbers. */
function rangeOf(numbers: readonly (number | null)[]): { min: number; max: number } {
  const all = numbers.filter((number) => number !== null);
  return {
    min: 10 ** Math.floor(Math.log10(Math.min(...all))),
    max: 10 ** Math.ceil(Math.log10(Math.max(...all))),
  };
}
