import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Metrics } from '../../src/serve/metrics.ts';
import type { Observed } from '../../src/serve/observed.ts';
import { checkMetrics } from './metric-rules.ts';
import { sampleFigures, sampleMemory } from './sample-figures.ts';

const test = suite('metrics');

const figures = sampleFigures();
const hostile = { ...figures, podName: 'a"b\\c\nd', interfaceName: 'veth2', kernelDrops: -1 };
const observed: Observed = {
  sessions: () => [],
  figures: () => [figures, hostile],
  memory: sampleMemory,
  reloads: { good: 5, bad: 1 },
  page: null,
};

const text = async (what = observed) => (await Metrics.of(what)).text();

test('names, units, types and labels are as Prometheus wants them, whatever pods are called', async () => {
  const { problems, series } = checkMetrics(await text());
  assert.equal(problems, []);
  const labels = new Set(series.flatMap(({ labels }) => Object.keys(labels)));
  assert.equal([...labels].sort(), [
    'class',
    'code',
    'end_type',
    'interface',
    'le',
    'name',
    'namespace',
    'place',
    'pod',
    'reason',
    'result',
    'sender',
    'severity',
    'side',
    'state',
    'use',
  ]);
});

test('without sessions too', async () => {
  assert.equal(checkMetrics(await text({ ...observed, figures: () => [] })).problems, []);
});

test('what the sessions counted', async () => {
  const { series } = checkMetrics(await text());
  const sampleOf = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    series.find(
      (one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
    )?.value;
  const whose = { pod: 'web-0', namespace: 'shop', interface: 'veth1' };
  for (const [name, labels, want] of [
    ['dlltagent_events_total', { ...whose, code: '00002', name: 'TCP_RESET' }, 3],
    ['dlltagent_events_total', { ...whose, code: '00011' }, 0],
    ['dlltagent_trouble_total', { ...whose, severity: 'broken' }, 2],
    ['dlltagent_trouble_total', { ...whose, severity: 'worth knowing' }, 0],
    ['dlltagent_connections_open', whose, 3],
    ['dlltagent_connections_ended_total', { ...whose, end_type: 'half_open' }, 2],
    ['dlltagent_dropped_packets_total', { ...whose, place: 'kernel' }, 7],
    ['dlltagent_dropped_packets_total', { interface: 'veth2', place: 'kernel' }, undefined],
    ['dlltagent_tcp_handshake_seconds_bucket', { ...whose, le: '0.0001' }, 2],
    ['dlltagent_tcp_handshake_seconds_bucket', { ...whose, le: '0.00025' }, 3],
    ['dlltagent_tcp_handshake_seconds_bucket', { ...whose, le: '10' }, 3],
    ['dlltagent_tcp_handshake_seconds_bucket', { ...whose, le: '+Inf' }, 4],
    ['dlltagent_tcp_handshake_seconds_sum', whose, 20.000291],
    ['dlltagent_tls_handshake_seconds_count', whose, 0],
    ['dlltagent_first_byte_seconds_sum', whose, 0.0007],
    ['dlltagent_tcp_rtt_seconds_count', { ...whose, side: 'dst' }, 2],
    ['dlltagent_http_responses_total', { ...whose, class: '5xx' }, 1],
    ['dlltagent_tcp_retransmissions_total', { ...whose, sender: 'src' }, 3],
    ['dlltagent_shed_step', whose, 2],
    ['dlltagent_reloads_total', { result: 'bad' }, 1],
  ] as const) {
    assert.is(sampleOf(name, labels), want, `${name} ${JSON.stringify(labels)}`);
  }
  assert.ok((sampleOf('process_cpu_seconds_total') ?? 0) > 0);
});

test('the dashboard asks for what there is', async () => {
  const { series } = checkMetrics(await text());
  const dashboard = readFileSync('k8s/grafana-dashboard.json', 'utf8');
  const names = new Set(series.map(({ name }) => name));
  const asked = new Set(dashboard.match(/\b(dlltagent|process)_[a-z_]+/g));
  assert.equal(
    [...asked].filter((name) => !names.has(name)),
    [],
  );
  assert.ok(asked.size > 15);
});

for (const [name, spoilt] of [
  ['a counter without _total', '# HELP x_seconds A.\n# TYPE x_seconds counter\nx_seconds 1\n'],
  ['a gauge with _total', '# HELP x_total A.\n# TYPE x_total gauge\nx_total 1\n'],
  ['milliseconds', '# HELP x_ms A.\n# TYPE x_ms gauge\nx_ms 1\n'],
  ['no help', '# TYPE x gauge\nx 1\n'],
  ['no type', 'x 1\n'],
  ['a series twice', '# HELP x A.\n# TYPE x gauge\nx{a="1"} 1\nx{a="1"} 2\n'],
  ['a quote in a label', '# HELP x A.\n# TYPE x gauge\nx{a="b"c"} 1\n'],
  [
    'buckets that fall',
    '# HELP x_seconds A.\n# TYPE x_seconds histogram\nx_seconds_bucket{le="1"} 2\nx_seconds_bucket{le="+Inf"} 1\nx_seconds_count 1\n',
  ],
] as const) {
  test(`the rules refuse ${name}`, () => assert.ok(checkMetrics(spoilt).problems.length > 0));
}

test.run();
