/** The dashboard for Grafana: its shape, its queries, and the metrics that it reads. */

import { fileURLToPath } from 'node:url';
import { parser } from '@prometheus-io/lezer-promql';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';
import { read } from '../support/project.js';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}

/** The columns of Grafana's grid. */
const COLUMNS = 24;

/** The variable that Grafana defines itself. */
const RATE_INTERVAL = '__rate_interval';

const dashboard = JSON.parse(read('deploy/grafana-dashboard.json')) as Dashboard;
const { panels } = dashboard;
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

/** A query as Grafana sends it: with values in place of its variables. */
function sent(expr: string): string {
  return expr.replaceAll(`$${RATE_INTERVAL}`, '1m').replaceAll('$model_name', 'dataset');
}

/** The texts of the nodes of a query with that name in the grammar. */
function nodesIn(expr: string, name: string): readonly string[] {
  const texts: string[] = [];
  const query = sent(expr);
  parser.parse(query).iterate({
    enter: (node) => {
      if (node.name === name) texts.push(query.slice(node.from, node.to));
    },
  });
  return texts;
}

describe('the dashboard', () => {
  it('has the schema of Grafana 10 or later, and variables for the data source and the models', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(dashboard.templating.list).toMatchObject([
      { name: 'datasource', type: 'datasource', query: 'prometheus' },
      { name: 'model_name', type: 'query', datasource: { uid: '$' + '{datasource}' } },
    ]);
  });

  it('has panels with ids and titles of their own, none of which overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(COLUMNS);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x},${y}`), title).toBeUndefined();
          taken.set(`${x},${y}`, title);
        }
      }
    }
  });

  it('has queries in every panel, with different names', () => {
    for (const { title, type, targets = [] } of panels) {
      expect(targets.length > 0, title).toBe(type !== 'row');
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
    }
  });

  it('uses only variables that it defines', () => {
    const known = [...dashboard.templating.list.map(({ name }) => name), RATE_INTERVAL];
    const used = queries.flatMap(({ expr }) => [...expr.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name));
    expect(known).toEqual(expect.arrayContaining(used));
  });
});

describe('the queries', () => {
  /** The labels of each metric that a server has. */
  let metrics: ReadonlyMap<string, ReadonlySet<string>>;

  beforeAll(async () => {
    const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
    const url = await serveApp(dataset);
    const prompts = ['Say it.', 'nowhere'].map((content) => [{ role: 'user', content }]);
    for (const messages of prompts)
      await (await post(`${url}/v1/chat/completions`, { messages, stream: true })).text();
    metrics = labelsIn(await (await fetch(`${url}/metrics`)).text());
  });

  it.each(queries)('of $title are PromQL: $expr', ({ expr }) => {
    expect(nodesIn(expr, '⚠')).toEqual([]);
    expect(nodesIn(expr, 'VectorSelector').length).toBe(1);
  });

  it.each(queries)('of $title read metrics and labels that a server has: $expr', ({ expr }) => {
    const [name = ''] = nodesIn(expr, 'Identifier');
    expect([...metrics.keys()]).toContain(name);
    expect([...(metrics.get(name) ?? [])]).toEqual(expect.arrayContaining([...nodesIn(expr, 'LabelName')]));
  });
});

/** The names and labels of the samples in Prometheus's text format. */
function labelsIn(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of text.matchAll(/^([\w:]+)(?:\{(.*)\})? \S+$/gm)) {
    const known = found.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}
