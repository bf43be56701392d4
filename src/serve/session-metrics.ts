import { EndType } from '../model/connection.ts';
import { EventCode, type EventName } from '../model/event-code.ts';
import { BUCKET_BOUNDS_US, type LatencyBuckets } from '../model/latency-buckets.ts';
import { SECOND_US } from '../model/second.ts';
import type { SessionFigures } from '../model/session-figures.ts';
import { byLabel, type MetricDefinition, type Sample, single } from './metric.ts';

type Figures = (figures: SessionFigures) => Sample[];

/** The series of all sessions: whose they are is in their labels. */
function ofSessions(type: MetricDefinition['type'], name: string, help: string, samplesOf: Figures): MetricDefinition {
  return {
    name,
    help,
    type,
    samples: (observed) =>
      observed.figures().flatMap((figures) => {
        const { podName: pod, podNamespace: namespace, interfaceName } = figures;
        const whose = { pod, namespace, interface: interfaceName };
        return samplesOf(figures).map(({ labels, ...sample }) => ({ labels: { ...whose, ...labels }, ...sample }));
      }),
  };
}

const counter = (name: string, help: string, samples: Figures) => ofSessions('counter', name, help, samples);
const gauge = (name: string, help: string, samples: Figures) => ofSessions('gauge', name, help, samples);
const histogram = (name: string, help: string, buckets: (figures: SessionFigures) => LatencyBuckets) =>
  ofSessions('histogram', name, help, (figures) => bucketSamples(buckets(figures)));

/** What is told of each session. */
export const SESSION_METRICS: readonly MetricDefinition[] = [
  counter('dlltagent_events_total', 'How often each kind occurred, told as an event or not.', ({ events }) =>
    eventSamples(events),
  ),
  counter('dlltagent_trouble_total', 'How often trouble occurred, by how bad it is.', ({ severities }) =>
    byLabel('severity', severities),
  ),
  counter('dlltagent_connections_begun_total', 'Connections that began, or were there before the capture.', (figures) =>
    single(figures.connectionsBegun),
  ),
  counter('dlltagent_connections_ended_total', 'Connections that ended, by how.', ({ connectionsEnded }) =>
    byLabel('end_type', {
      fin: connectionsEnded[EndType.fin],
      tls_alert: connectionsEnded[EndType.tlsAlert],
      reset: connectionsEnded[EndType.reset],
      stale: connectionsEnded[EndType.stale],
      half_open: connectionsEnded[EndType.halfOpen],
      stopped: connectionsEnded[EndType.stopped],
    }),
  ),
  gauge('dlltagent_connections_open', 'Connections that began and have not ended.', (figures) =>
    single(figures.connectionsBegun - figures.connectionsEnded.reduce((sum, ended) => sum + ended, 0)),
  ),
  gauge('dlltagent_connections_half_open', 'Open connections whose TCP handshake is not complete.', ({ halfOpen }) =>
    single(halfOpen),
  ),
  histogram(
    'dlltagent_tcp_handshake_seconds',
    'From the SYN to the end of the TCP handshake, of connections that ended.',
    ({ handshakes }) => handshakes,
  ),
  histogram(
    'dlltagent_tls_handshake_seconds',
    'From the SYN to the end of the TLS handshake, of connections that ended.',
    ({ tlsHandshakes }) => tlsHandshakes,
  ),
  histogram(
    'dlltagent_first_byte_seconds',
    "From the client's first payload, or the handshake where the server speaks first, to the server's first byte, of connections that ended.",
    ({ firstBytes }) => firstBytes,
  ),
  ofSessions(
    'histogram',
    'dlltagent_tcp_rtt_seconds',
    'Shortest round trip of each connection that ended, between the capture and src or dst.',
    ({ roundTrips: [src, dst] }) => [...bucketSamples(src, { side: 'src' }), ...bucketSamples(dst, { side: 'dst' })],
  ),
  counter(
    'dlltagent_tcp_retransmissions_total',
    'Segments with payload that were sent again, by who sent them.',
    ({ retransmissions: [src, dst] }) => byLabel('sender', { src, dst }),
  ),
  counter(
    'dlltagent_http_responses_total',
    'Answers in clear: HTTP by class of status, calls of gRPC.',
    ({ answers }) => byLabel('class', answers),
  ),
  counter('dlltagent_dns_questions_total', 'DNS questions (a name and a type), by how they ended.', ({ dns }) =>
    byLabel('result', dns.results),
  ),
  counter('dlltagent_dns_queries_total', 'DNS queries that were sent for these questions.', ({ dns }) =>
    single(dns.queries),
  ),
  histogram('dlltagent_dns_answer_seconds', 'From a DNS query to its answer.', ({ dns }) => dns.latencies),
  counter('dlltagent_captured_packets_total', 'Packets that were captured.', ({ packets }) => single(packets)),
  counter('dlltagent_captured_bytes_total', 'Bytes of the captured packets, as on the wire.', ({ bytes }) =>
    single(bytes),
  ),
  counter('dlltagent_dropped_packets_total', 'Packets that were lost, by where.', ({ kernelDrops, agentDrops }) =>
    byLabel('place', { ...(kernelDrops < 0 ? {} : { kernel: kernelDrops }), agent: agentDrops }),
  ),
  gauge('dlltagent_table_entries', 'Connections in the table, also those that ended lately.', ({ table }) =>
    single(table.used),
  ),
  gauge('dlltagent_table_entries_limit', 'Room of the table (MAX_CONNECTIONS).', ({ table }) => single(table.limit)),
  counter('dlltagent_table_evictions_total', 'Open connections that had to make room.', ({ evicted }) =>
    single(evicted),
  ),
  gauge(
    'dlltagent_shed_step',
    'What overload has left out: 0 nothing, 1 packets for pcaps, 2 payload, 3 most and 4 all established traffic.',
    ({ shedStep }) => single(shedStep),
  ),
  gauge('dlltagent_session_memory_bytes', "The session's part of the agent's memory, by what for.", ({ memory }) =>
    byLabel('use', memory.usedBytes),
  ),
  counter(
    'dlltagent_memory_gave_way_total',
    'How often memory was given back for others, or could not be had, by what for.',
    ({ memory }) => byLabel('use', memory.gaveWay),
  ),
  gauge('dlltagent_history_bytes', 'Memory of packets kept for pcaps.', ({ history }) => single(history.used)),
  gauge('dlltagent_history_limit_bytes', 'Memory there may be for packets (BUFFER_MB).', ({ history }) =>
    single(history.limit),
  ),
  gauge('dlltagent_disk_bytes', 'Bytes of the files of the session.', ({ disk }) => single(disk.used)),
  gauge('dlltagent_disk_limit_bytes', 'Bytes there may be of files (MAX_LOG_MB).', ({ disk }) => single(disk.limit)),
  counter('dlltagent_lost_lines_total', 'Lines that were not written, by why.', (figures) =>
    byLabel('reason', { disk: figures.lostLines, space: figures.withheldLines }),
  ),
  counter('dlltagent_lost_pcaps_total', 'Pcaps that were not written, by why.', (figures) =>
    byLabel('reason', { disk: figures.lostDumps, space: figures.withheldDumps, rate: figures.refusedDumps }),
  ),
];

function eventSamples(events: ReadonlyMap<EventName, number>): Sample[] {
  return (Object.keys(EventCode) as EventName[]).map((name) => ({
    labels: { code: EventCode[name], name },
    value: events.get(name) ?? 0,
  }));
}

/** Buckets count what is at most as long as they say, shorter ones included. */
function bucketSamples({ counts, sumUs }: LatencyBuckets, labels: Readonly<Record<string, string>> = {}): Sample[] {
  let total = 0;
  const buckets = counts.map((count, i) => {
    total += count;
    const bound = i < BUCKET_BOUNDS_US.length ? String(BUCKET_BOUNDS_US[i] / SECOND_US) : '+Inf';
    return { labels: { ...labels, le: bound }, value: total, part: '_bucket' as const };
  });
  return [...buckets, { labels, value: sumUs / SECOND_US, part: '_sum' }, { labels, value: total, part: '_count' }];
}
