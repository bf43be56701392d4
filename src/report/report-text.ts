import { relative } from 'node:path';
import type { Finding } from '../diagnosis/findings.ts';
import type { Latency, Service } from '../diagnosis/services.ts';
import type { Severity } from '../diagnosis/trouble.ts';
import type { Diagnosis } from './read-session.ts';
import type { Style } from './style.ts';
import { wrap } from './wrap.ts';

/** How a report is laid out. */
export interface Layout {
  readonly width: number;
  readonly style: Style;
  /** Paths are shown as seen from here, if they are below it. */
  readonly directory: string;
}

const LABEL_WIDTH = 9;
const INDENT = '   ';
const MOST_FINDINGS_SHOWN = 50;
const MOST_SERVICES_SHOWN = 20;
/** Of a latency in the table: a space and `durationText`. */
const CELL_WIDTH = 8;

/** What is told of how fast a server answers. */
const LATENCIES: readonly { readonly name: string; readonly of: (service: Service) => Latency | null }[] = [
  { name: 'handshake', of: ({ handshake }) => handshake },
  { name: 'TLS', of: ({ tls }) => tls },
  { name: 'first byte', of: ({ firstByte }) => firstByte },
];

const HEADINGS: Readonly<Record<Severity, string>> = {
  broken: 'Broken',
  suspect: 'Suspicious',
  note: 'Worth knowing',
};

/** A report for people: what is wrong, worst first; how fast the servers answer; what is healthy. */
export function formatReport(diagnoses: readonly Diagnosis[], layout: Layout): string {
  return diagnoses.map((diagnosis) => sessionLines(diagnosis, layout).join('\n')).join('\n\n\n');
}

function sessionLines(diagnosis: Diagnosis, layout: Layout): string[] {
  const { style, width } = layout;
  const { findings, services } = diagnosis;
  return [
    style.bold(headOf(diagnosis, layout)),
    ...wrap(summaryOf(diagnosis), width),
    ...caveatsOf(diagnosis).flatMap((caveat) => wrap(caveat, width).map(style.yellow)),
    ...findingLines(findings, diagnosis, layout),
    ...latencyLines(services, layout),
    ...healthLines(findings, services, layout),
  ];
}

function headOf({ pod, namespace, interface: interfaceName, directory }: Diagnosis, layout: Layout): string {
  const name = [namespace, pod].filter((part) => part !== '').join('/');
  const who = name === '' ? 'The interface' : `Pod ${name} on`;
  return `${who} ${interfaceName || '?'} (${shownPath(directory, '', layout)})`;
}

function summaryOf({ from, to, events, connectionsEnded, tlsHandshakes, findings }: Diagnosis): string {
  if (from === null || to === null) return 'Nothing was seen in this time.';
  const span = `${from.slice(0, 10)} ${timeOf(from)} to ${to.slice(0, 10) === from.slice(0, 10) ? '' : `${to.slice(0, 10)} `}${timeOf(to)} UTC`;
  const tls = tlsHandshakes === 0 ? '' : `${count(tlsHandshakes, 'TLS handshake')} completed, `;
  return `${span}: ${count(connectionsEnded, 'connection')} ended, ${tls}${count(events - tlsHandshakes, 'event')} of trouble, ${count(findings.length, 'finding')}.`;
}

/** What the reader has to bear in mind. */
function caveatsOf({ packetsLost, damagedLines, leftOut }: Diagnosis): string[] {
  const caveats: string[] = [];
  if (packetsLost !== null && packetsLost > 0) {
    caveats.push(`The capture lost ${count(packetsLost, 'packet')}: what depends on them is in doubt, or is missing.`);
  }
  if (damagedLines > 0) caveats.push(`${count(damagedLines, 'line')} could not be read and are left out.`);
  if (leftOut.findings + leftOut.services > 0) {
    caveats.push(
      `Left out, as there were too many: ${leftOut.findings} lesser findings, ${leftOut.services} services.`,
    );
  }
  return caveats;
}

function findingLines(findings: readonly Finding[], { directory }: Diagnosis, layout: Layout): string[] {
  const { style, width } = layout;
  if (findings.length === 0) return ['', style.green('Nothing is wrong, as far as the packets tell.')];
  const lines: string[] = [];
  const advised = new Map<string, number>();
  let severity: Severity | null = null;
  for (const [i, finding] of findings.slice(0, MOST_FINDINGS_SHOWN).entries()) {
    const paint = { broken: style.red, suspect: style.yellow, note: style.dim }[finding.severity];
    if (finding.severity !== severity) lines.push('', style.bold(HEADINGS[finding.severity]));
    severity = finding.severity;
    const title = wrap(finding.title, width - INDENT.length - 1);
    lines.push(
      '',
      ...title.map((line, row) => paint(style.bold(`${row === 0 ? `${i + 1}.`.padEnd(4) : '    '}${line}`))),
    );
    const facts = [...factsOf(finding, directory, layout), ...adviceOf(finding, i + 1, advised)];
    for (const [label, text] of facts) lines.push(...fact(label, text, layout));
  }
  const more = findings.length - MOST_FINDINGS_SHOWN;
  if (more > 0) lines.push('', `… and ${count(more, 'finding')} more; --json lists them all.`);
  return lines;
}

/** What is said of a finding, by label. */
function factsOf(finding: Finding, directory: string, layout: Layout): [label: string, text: string][] {
  const { cause, clients, otherClients, processes, serverNames, pcaps, doubtful, doubts } = finding;
  const facts: [string, string][] = [
    ['cause', cause],
    ['how often', frequencyOf(finding)],
  ];
  if (finding.kind !== 'gone') facts.push(['who', whoOf(finding)]);
  if (clients.length > 0) {
    const listed = clients.map(({ address, events }) => (events === 1 ? address : `${address} (${events})`));
    facts.push([
      'clients',
      [...listed, ...(otherClients > 0 ? [`${otherClients} more events of others`] : [])].join(', '),
    ]);
  }
  if (processes.length > 0) facts.push(['process', processes.join(', ')]);
  if (serverNames.length > 0) facts.push(['SNI', serverNames.join(', ')]);
  for (const [i, name] of pcaps.entries()) facts.push([i === 0 ? 'proof' : '', shownPath(directory, name, layout)]);
  if (doubtful > 0) {
    const why = doubts.length === 0 ? '' : `: ${doubts.join('; ')}`;
    facts.push(['in doubt', `${doubtful} of ${count(eventsOf(finding), 'event')}${why}`]);
  }
  return facts;
}

/** What differs in the advice for two servers, besides their addresses. */
const OWN_WORDS = /port \d+| -servername \S+/g;

/** What to try, at length for the first of several findings that ask for the same. */
function adviceOf({ where, tryNext }: Finding, number: number, advised: Map<string, number>): [string, string][] {
  const address = where.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  const key = [where, address].reduce(
    (text, own) => text.replaceAll(own, 'HERE'),
    tryNext.join('\n').replace(OWN_WORDS, ''),
  );
  const earlier = advised.get(key);
  if (earlier !== undefined) return [['try', `as for ${earlier}`]];
  advised.set(key, number);
  return tryNext.map((step, i) => [i === 0 ? 'try' : '', `- ${step}`]);
}

function eventsOf({ events }: Finding): number {
  return Object.values(events).reduce((sum, number) => sum + number, 0);
}

function frequencyOf(finding: Finding): string {
  const { events, times, first, last } = finding;
  const codes = Object.entries(events).map(([code, number]) => (number === 1 ? code : `${code} ${number} times`));
  const atLeast = times > eventsOf(finding) ? `at least ${times} times, told as ` : '';
  const day = first.slice(0, 10) === last.slice(0, 10) ? '' : `${last.slice(0, 10)} `;
  const span =
    first === last
      ? `at ${first.slice(0, 10)} ${timeOf(first)}`
      : `from ${first.slice(0, 10)} ${timeOf(first)} to ${day}${timeOf(last)}`;
  return `${atLeast}${codes.join(', ')}; ${span} UTC`;
}

function whoOf({ pod, by }: Finding): string {
  const part = {
    client: 'the monitored pod connects',
    server: 'the monitored pod is the server',
    unknown: 'which side the monitored pod is, is not known (POD_IP tells)',
  }[pod];
  return by === null ? part : `the ${by} did it; ${part}`;
}

function latencyLines(services: readonly Service[], { style, width }: Layout): string[] {
  const timed = services.filter((service) => LATENCIES.some(({ of }) => of(service) !== null));
  if (timed.length === 0) return [];
  const shown = timed.slice(0, MOST_SERVICES_SHOWN);
  const whereWidth = Math.max(...shown.map(({ where }) => where.length), 'server'.length);
  const row = (where: string, connections: string, cells: readonly string[], cellWidth = CELL_WIDTH) =>
    `  ${where.padEnd(whereWidth)}  ${connections.padStart(11)}${cells.map((cell) => cell.padStart(cellWidth)).join('')}`;
  const names = LATENCIES.map(({ name }) => name);
  const quantiles = names.flatMap(() => ['p50', 'p99']);
  const head = [row('', '', names, 2 * CELL_WIDTH), row('server', 'connections', quantiles)];
  const table = [
    ...head.map(style.dim),
    ...shown.map((service) =>
      row(
        service.where,
        String(service.connections),
        LATENCIES.flatMap(({ of }) => latencyCells(of(service))),
      ),
    ),
  ];
  return [
    '',
    style.bold('How fast servers answer'),
    '',
    ...(head[0].length > width ? narrowLatency(shown) : table),
    ...moreServices(timed.length),
    ...tlsNote(shown, width).map(style.dim),
  ];
}

/** For a narrow terminal: a line for each server and one for what it took. */
function narrowLatency(services: readonly Service[]): string[] {
  return services.flatMap((service) => [
    `  ${service.where}  ${count(service.connections, 'connection')}`,
    ...LATENCIES.flatMap(({ name, of }) => {
      const latency = of(service);
      if (latency === null) return [];
      const [p50, p99] = latencyCells(latency);
      return [`    ${name} p50 ${p50}, p99 ${p99}`];
    }),
  ]);
}

function latencyCells(latency: Latency | null): [p50: string, p99: string] {
  return latency === null ? ['–', '–'] : [durationText(latency.p50Us), durationText(latency.p99Us)];
}

/** What the first byte is not, where that may be thought. */
function tlsNote(services: readonly Service[], width: number): string[] {
  if (!services.some(({ tls, firstByte }) => tls !== null && firstByte !== null)) return [];
  const note = 'With TLS the first byte is that of the answer to the ClientHello; what answers requests is encrypted.';
  return ['', ...wrap(note, width - 2).map((line) => `  ${line}`)];
}

function moreServices(all: number): string[] {
  return all > MOST_SERVICES_SHOWN ? [`  … and ${all - MOST_SERVICES_SHOWN} more; --json lists them all.`] : [];
}

/** Servers of which nothing is wrong, and whose connections ended in order. */
function healthLines(findings: readonly Finding[], services: readonly Service[], { style, width }: Layout): string[] {
  const troubled = new Set(findings.filter(({ severity }) => severity !== 'note').map(({ where }) => where));
  const healthy = services.filter(({ where, orderly }) => orderly > 0 && !troubled.has(where));
  if (healthy.length === 0) return [];
  const shown = healthy.slice(0, MOST_SERVICES_SHOWN).map(({ where, orderly }) => `${where} (${orderly})`);
  const list = `${shown.join(', ')}${healthy.length > shown.length ? ` and ${healthy.length - shown.length} more` : ''}`;
  return [
    '',
    style.bold('Healthy'),
    '',
    ...wrap('Connections that ended in order, to servers of which nothing is wrong:', width - 2).map(
      (line) => `  ${line}`,
    ),
    ...wrap(list, width - 2).map((line) => style.green(`  ${line}`)),
  ];
}

function fact(label: string, text: string, { width, style }: Layout): string[] {
  const step = text.startsWith('- ') ? '  ' : '';
  const begin = INDENT.length + 1 + LABEL_WIDTH + 1;
  const lines = wrap(text, width - begin - step.length);
  return lines.map((line, i) => {
    const lead = `${INDENT} ${style.dim((i === 0 ? label : '').padEnd(LABEL_WIDTH))} `;
    return `${lead}${i === 0 ? '' : step}${line}`.trimEnd();
  });
}

/** A path as seen from the working directory, if it is below that. */
function shownPath(directory: string, name: string, layout: Layout): string {
  const path = name === '' ? directory : `${directory}/${name}`;
  const seen = relative(layout.directory, path);
  return seen === '' || seen.startsWith('..') ? path : seen;
}

/** `13:36:34` of an ISO time. */
function timeOf(iso: string): string {
  return iso.slice(11, 19);
}

/** `1 event`, `2 events`. */
function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** `412 µs`, `3.2 ms`, `1.05 s`. */
export function durationText(us: number): string {
  if (us < 1000) return `${us} µs`;
  const [value, unit] = us < 999_500 ? [us / 1000, 'ms'] : [us / 1_000_000, 's'];
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${unit}`;
}
