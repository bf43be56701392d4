import { reasonOf } from '../../src/cluster/pod-trouble.ts';
import { PROCESS_KEYS } from '../../src/config/process-settings.ts';
import { SETTING_NAMES, SETTINGS } from '../../src/config/settings.ts';
import { wordsOf } from '../../src/diagnosis/causes.ts';
import { severityOf } from '../../src/diagnosis/severity.ts';
import { CAUSE_IDS, type CauseId } from '../../src/model/cause-id.ts';
import { PodSide, Side } from '../../src/model/connection.ts';
import { DNS_LOG_HEADER } from '../../src/model/dns-log-columns.ts';
import type { ConnectionSummary, EventFacts, NetworkEvent, TlsFacts } from '../../src/model/event.ts';
import { EventCode, type EventName } from '../../src/model/event-code.ts';
import { END_FLOW_HEADER } from '../../src/model/flow-columns.ts';
import { formatEvent } from '../../src/output/event-file.ts';
import { FLOW_HEADER } from '../../src/output/flow-file.ts';
import { PROCESS_FLOW_HEADER } from '../../src/output/process-flow-file.ts';
import { AGENT_METRICS } from '../../src/serve/agent-metrics.ts';
import type { MetricDefinition } from '../../src/serve/metric.ts';
import type { Observed } from '../../src/serve/observed.ts';
import { SESSION_METRICS } from '../../src/serve/session-metrics.ts';
import { sampleFigures, sampleMemory } from '../serve/sample-figures.ts';

/** A table of docs/REFERENCE.md: what the code tells, and columns whose text stands in the document only. */
export interface ReferenceTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** Cells that the code tells; the first is the row's key. */
  readonly rows: readonly (readonly string[])[];
  /** Columns for people behind those. */
  readonly prose: readonly string[];
}

/** What a test has to make for the tables: an answer of `report --json`. */
export interface ReferenceSamples {
  readonly session: object;
  readonly finding: object;
  readonly service: object;
  readonly resolver: object;
  readonly nameCost: object;
}

const code = (text: string) => `\`${text}\``;
const keyed = (name: string, keys: readonly string[], column = 'key'): ReferenceTable => ({
  name,
  columns: [column],
  rows: keys.map((key) => [code(key)]),
  prose: ['meaning'],
});

/** All tables, in the order of the document. */
export function referenceTables(samples: ReferenceSamples): ReferenceTable[] {
  const event = JSON.parse(formatEvent(FULL_EVENT, ORIGIN));
  return [
    codes(),
    causes(),
    keyed('netwevents', Object.keys(event)),
    keyed('extra', Object.keys(event.extra)),
    keyed('tls', Object.keys(event.tls)),
    keyed('flows', columnsOf(FLOW_HEADER), 'column'),
    keyed('end_flows', columnsOf(END_FLOW_HEADER), 'column'),
    keyed('process_flows', columnsOf(PROCESS_FLOW_HEADER), 'column'),
    keyed('dns', columnsOf(DNS_LOG_HEADER), 'column'),
    keyed('report', Object.keys(samples.session)),
    keyed('finding', Object.keys(samples.finding)),
    keyed('service', Object.keys(samples.service)),
    keyed('resolver', Object.keys(samples.resolver)),
    keyed('costly-name', Object.keys(samples.nameCost)),
    settings(),
    keyed('process', PROCESS_KEYS),
    metrics(),
  ];
}

function codes(): ReferenceTable {
  const names = Object.keys(EventCode) as EventName[];
  return {
    name: 'codes',
    columns: ['code', 'name', 'reason of its Kubernetes Event'],
    rows: names.map((name) => [EventCode[name], code(name), reasonOf(name) === null ? '–' : code(`${reasonOf(name)}`)]),
    prose: ['when', 'value'],
  };
}

function causes(): ReferenceTable {
  const patterns: readonly CauseId[] = ['tls.alert.close-notify', 'tls.alert.…', 'tls.warning.…'];
  return {
    name: 'causes',
    columns: ['causeId', 'at worst', 'cause'],
    rows: [...CAUSE_IDS, ...patterns].map((causeId) => {
      const worst = severityOf({ code: '00009', causeId, by: null, podSide: PodSide.unknown, certain: true });
      return [code(causeId), worst, wordsOf(causeId)?.cause ?? 'no trouble: a TLS handshake is complete'];
    }),
    prose: [],
  };
}

function columnsOf(header: string): string[] {
  return header.slice(1).split(',');
}

function settings(): ReferenceTable {
  return {
    name: 'settings',
    columns: ['key', 'allowed', 'default', 'change'],
    rows: SETTING_NAMES.map((name) => settingRow(name)),
    prose: ['meaning'],
  };
}

function settingRow<Name extends (typeof SETTING_NAMES)[number]>(name: Name): string[] {
  const { key, type, default: value, change, fixed } = SETTINGS[name];
  const text = value === null ? '' : type.format(value);
  return [code(key), type.allowed, text === '' ? '–' : code(text), fixed === true ? 'none' : change];
}

function metrics(): ReferenceTable {
  return {
    name: 'metrics',
    columns: ['metric', 'type', 'labels', 'what it counts'],
    rows: [...SESSION_METRICS, ...AGENT_METRICS].map((metric) => [
      code(metric.name),
      metric.type,
      labelsOf(metric).map(code).join(' ') || '–',
      metric.help,
    ]),
    prose: [],
  };
}

function labelsOf(metric: MetricDefinition): string[] {
  return [...new Set(metric.samples(OBSERVED).flatMap(({ labels }) => Object.keys(labels)))].filter(
    (label) => label !== 'le',
  );
}

const OBSERVED: Observed = {
  sessions: () => [],
  figures: () => [sampleFigures()],
  memory: sampleMemory,
  reloads: { good: 0, bad: 0 },
  page: null,
};

const ORIGIN = { interfaceName: 'veth1', podName: 'web', podNamespace: 'shop' };

/** Every fact that an event may know: a new one does not compile until it stands here. */
const FACTS: Required<EventFacts> = {
  waitedMs: 1,
  answeredMs: 1,
  idleMs: 1,
  keepAlives: 1,
  icmpFrom: '10.0.0.1',
  mtu: 1400,
  lostSize: 1490,
  mssFrom: 1460,
  mssTo: 1460,
  segments: 100,
  lostBefore: 1,
  lostBeyond: 1,
  path: '/x',
  times: 1,
  stranger: '10.0.1.9:8080',
  dnsName: 'db.shop',
  dnsCandidate: 'db.shop.svc.cluster.local',
  dnsType: 'A',
  queries: 2,
  candidates: 2,
  windowSeconds: 60,
  proxiedFrom: '10.0.0.1:1',
};
const TLS: Required<TlsFacts> = {
  version: 'TLS 1.3',
  cipher: 'x',
  serverName: 'x',
  alpn: 'h2',
  handshakeUs: 1,
  alert: 'x',
  certificate: { subject: 'x', issuer: 'x', notAfter: 'x' },
};
const CONNECTION: ConnectionSummary = {
  sourceAddress: '10.0.0.7',
  destinationAddress: '10.0.0.9',
  sourcePort: 1,
  destinationPort: 2,
  podSide: PodSide.initiator,
  synAckLatencyUs: 1,
  ackLatencyUs: 1,
  midstream: true,
  process: { pid: 1, ppid: 1, uid: 1, name: 'x', commandLine: 'x', podPid: 1 },
};
const FULL_EVENT: Required<NetworkEvent> = {
  name: 'TCP_RESET',
  timeUs: 1,
  value: 1,
  cause: 'x',
  causeId: 'tcp.reset.aborted',
  connection: CONNECTION,
  by: Side.initiator,
  confidence: 'x',
  certain: true,
  tls: TLS,
  facts: FACTS,
  pcap: 'x',
  suppressed: 1,
};

const begin = (name: string) => `<!-- table: ${name} -->\n`;
const END = '<!-- end of table -->';

/** The document with its tables as the code has them now; the prose of each row stays, and is empty for a new one. */
export function withTables(document: string, tables: readonly ReferenceTable[]): string {
  return tables.reduce((text, table) => {
    const at = text.indexOf(begin(table.name));
    const end = text.indexOf(END, at);
    if (at < 0 || end < 0) throw new Error(`docs/REFERENCE.md has no place for the table ${table.name}`);
    const from = at + begin(table.name).length;
    const old = new Map(
      text
        .slice(from, end)
        .split('\n')
        .map(cellsOf)
        .map((cells) => [cells[0] ?? '', cells]),
    );
    return `${text.slice(0, from)}${tableText(table, old)}\n${text.slice(end)}`;
  }, document);
}

/** The keys of rows that nobody has written anything about. */
export function untoldRows(document: string, tables: readonly ReferenceTable[]): string[] {
  return tables
    .filter(({ prose }) => prose.length > 0)
    .flatMap(({ name }) => {
      const at = document.indexOf(begin(name));
      const rows = document.slice(at, document.indexOf(END, at)).split('\n').map(cellsOf);
      return rows.filter((cells) => cells.includes('')).map(([key]) => `${name}: ${key}`);
    });
}

function tableText({ columns, rows, prose }: ReferenceTable, old: ReadonlyMap<string, readonly string[]>): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const kept = (key: string) => prose.map((_, i) => old.get(key)?.slice(-prose.length)[i] ?? '');
  return [
    line([...columns, ...prose]),
    `|${[...columns, ...prose].map(() => '---').join('|')}|`,
    ...rows
      .map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')))
      .map((cells) => line([...cells, ...kept(cells[0] ?? '')])),
  ].join('\n');
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}
