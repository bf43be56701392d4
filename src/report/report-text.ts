import type { Finding } from '../diagnosis/finding.ts';
import type { Latency, Service } from '../diagnosis/servers.ts';
import type { Severity } from '../diagnosis/severity.ts';
import { dnsLines } from './dns-text.ts';
import { durationText } from './duration-text.ts';
import { adviceOf, factsOf } from './finding-text.ts';
import { count, fact, INDENT, type Layout, shownPath, spanText, timeOf } from './layout.ts';
import type { Diagnosis } from './read-session.ts';
import { wrap } from './wrap.ts';

const MOST_FINDINGS_SHOWN = 50;
const MOST_SERVICES_SHOWN = 20;
/** So many connections that were delayed alike are no accident. */
const LEAST_DELAYED = 5;
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
  suspicious: 'Suspicious',
  'worth knowing': 'Worth knowing',
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
    ...findingLines(diagnosis, layout),
    ...latencyLines(services, layout),
    ...answerLines(diagnosis.answers, layout),
    ...lossLines(services, layout),
    ...dnsLines(diagnosis, layout),
    ...healthLines(findings, services, layout),
  ];
}

function headOf({ pod, namespace, interface: interfaceName, directory }: Diagnosis, layout: Layout): string {
  const name = [namespace, pod].filter((part) => part !== '').join('/');
  const who = name === '' ? 'The interface' : `Pod ${name} on`;
  return `${who} ${interfaceName || '?'} (${shownPath(directory, '', layout)})`;
}

function summaryOf({ from, to, events, connectionsEnded, tlsHandshakes, findings, ageSeconds }: Diagnosis): string {
  if (from === null || to === null) {
    const age = ageSeconds === null ? '' : ` The files end ${spanText(ageSeconds)} ago.`;
    return `Nothing was seen in this time.${age}`;
  }
  const span = `${from.slice(0, 10)} ${timeOf(from)} to ${to.slice(0, 10) === from.slice(0, 10) ? '' : `${to.slice(0, 10)} `}${timeOf(to)} UTC`;
  const tls = tlsHandshakes === 0 ? '' : `${count(tlsHandshakes, 'TLS handshake')} completed, `;
  return `${span}: ${count(connectionsEnded, 'connection')} ended, ${tls}${count(events - tlsHandshakes, 'event')} of trouble, ${count(findings.length, 'finding')}.`;
}

/** What the reader has to bear in mind. */
function caveatsOf({ packetsLost, damagedLines, leftOut, frames }: Diagnosis): string[] {
  const caveats: string[] = [];
  if (isMostlyTunnels(frames)) {
    caveats.push(
      `${frames?.['tunnel']} of ${count(sumOf(frames), 'packet')} are inside tunnels (VXLAN, Geneve, GRE, IP in IP, WireGuard), which are not looked into: capture on the pod's own interface.`,
    );
  }
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

type Frames = Diagnosis['frames'];

/** More packets are inside tunnels than are TCP: little can be said of what goes on in there. */
function isMostlyTunnels(frames: Frames): boolean {
  const tunnel = frames?.['tunnel'] ?? 0;
  return tunnel > 0 && tunnel >= (frames?.['tcp'] ?? 0);
}

function sumOf(frames: Frames): number {
  return Object.values(frames ?? {}).reduce((sum, number) => sum + number, 0);
}

function findingLines(diagnosis: Diagnosis, layout: Layout): string[] {
  const { findings, from, frames } = diagnosis;
  const { style, width } = layout;
  const isWell = findings.every((finding) => finding.severity === 'worth knowing');
  const isSeen = from !== null && !isMostlyTunnels(frames); // else nothing can be said
  const lines = isWell && isSeen ? ['', style.green('Nothing is wrong, as far as the packets tell.')] : [];
  const advised = new Map<string, number>();
  let severity: Severity | null = null;
  for (const [i, finding] of findings.slice(0, MOST_FINDINGS_SHOWN).entries()) {
    const paint = { broken: style.red, suspicious: style.yellow, 'worth knowing': style.dim }[finding.severity];
    if (finding.severity !== severity) lines.push('', style.bold(HEADINGS[finding.severity]));
    severity = finding.severity;
    const title = wrap(finding.title, width - INDENT.length - 1);
    lines.push(
      '',
      ...title.map((line, row) => paint(style.bold(`${row === 0 ? `${i + 1}.`.padEnd(4) : '    '}${line}`))),
    );
    const facts = [...factsOf(finding, diagnosis, layout), ...adviceOf(finding, i + 1, advised)];
    for (const [label, text] of facts) lines.push(...fact(label, text, layout));
  }
  const more = findings.length - MOST_FINDINGS_SHOWN;
  if (more > 0) lines.push('', `… and ${count(more, 'finding')} more; --json lists them all.`);
  return lines;
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

/** How services answered requests that could be read. */
function answerLines(answers: Diagnosis['answers'], { style, width }: Layout): string[] {
  const shown = answers.filter(({ where, answers: count }) => where !== '' && count > 0).slice(0, MOST_SERVICES_SHOWN);
  if (shown.length === 0) return [];
  const lines = shown.map(({ where, answers: all, failed, p50Us, p99Us }) => {
    const failures = failed === 0 ? '' : `, ${failed} failed`;
    const text = `${where}  ${count(all, 'answer')}${failures}; first byte p50 ${durationText(p50Us)}, p99 ${durationText(p99Us)}`;
    return wrap(text, width - 4).map(
      (line, i) => `${i === 0 ? '  ' : '    '}${failed === 0 ? line : style.yellow(line)}`,
    );
  });
  return ['', style.bold('How requests in clear are answered'), '', ...lines.flat()];
}

/** Where segments were sent again, and where the round trip's time goes. */
function lossLines(services: readonly Service[], { style, width }: Layout): string[] {
  const lossy = services.filter(({ retransmittedTo, retransmittedFrom }) => retransmittedTo + retransmittedFrom > 0);
  const delayed = services.filter(
    ({ delayedFirstBytes, firstByte }) =>
      delayedFirstBytes >= LEAST_DELAYED && delayedFirstBytes * 2 > (firstByte?.connections ?? 0),
  );
  const lines: string[] = [];
  for (const service of lossy.slice(0, MOST_SERVICES_SHOWN)) {
    const { where, retransmittedTo, retransmittedFrom } = service;
    const trips = [['server', service.roundTripTo] as const, ['clients', service.roundTripFrom] as const].flatMap(
      ([who, latency]) => (latency === null ? [] : [`${durationText(latency.p50Us)} to the ${who}`]),
    );
    const text = `${where}  ${retransmittedTo} by clients, ${retransmittedFrom} by the server${trips.length === 0 ? '' : `; round trip (p50) ${trips.join(', ')}`}`;
    lines.push(...wrap(text, width - 4).map((line, i) => `${i === 0 ? '  ' : '    '}${line}`));
  }
  const hints = delayed.flatMap(({ where, delayedFirstBytes }) =>
    wrap(
      `${where}: the first byte of ${count(delayedFirstBytes, 'connection')} took 40 or 200 ms though round trips are short: the client writes its request in pieces and waits for a delayed acknowledgment (Nagle). Let it write once, or set TCP_NODELAY.`,
      width - 2,
    ).map((line) => `  ${line}`),
  );
  return [
    ...(lines.length === 0 ? [] : ['', style.bold('Segments sent again'), '', ...lines]),
    ...(hints.length === 0 ? [] : ['', style.bold('Stalls'), '', ...hints]),
  ];
}

function moreServices(all: number): string[] {
  return all > MOST_SERVICES_SHOWN ? [`  … and ${all - MOST_SERVICES_SHOWN} more; --json lists them all.`] : [];
}

/** Servers of which nothing is wrong, and that answered. */
function healthLines(findings: readonly Finding[], services: readonly Service[], { style, width }: Layout): string[] {
  const troubled = new Set(findings.filter(({ severity }) => severity !== 'worth knowing').map(({ where }) => where));
  const healthy = services
    .filter((service) => service.healthy > 0 && !troubled.has(service.where))
    .sort((a, b) => b.healthy - a.healthy);
  if (healthy.length === 0) return [];
  const shown = healthy.slice(0, MOST_SERVICES_SHOWN).map((service) => `${service.where} (${service.healthy})`);
  const list = `${shown.join(', ')}${healthy.length > shown.length ? ` and ${healthy.length - shown.length} more` : ''}`;
  return [
    '',
    style.bold('Healthy'),
    '',
    ...wrap('Servers of which nothing is wrong, and how many connections they answered:', width - 2).map(
      (line) => `  ${line}`,
    ),
    ...wrap(list, width - 2).map((line) => style.green(`  ${line}`)),
  ];
}
