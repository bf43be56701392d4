import { type EventLine, endpointText } from '../diagnosis/event-line.ts';
import { severityOf } from '../diagnosis/severity.ts';
import { Side } from '../model/connection.ts';
import { formatIsoTime } from '../model/utc-time.ts';
import type { Style } from './style.ts';
import { wrap } from './wrap.ts';

const INDENT = ' '.repeat(10);

/** An event for people, on a few lines: when, what, between whom, why, and which file proves it. */
export function formatEventLines(event: EventLine, width: number, style: Style): string {
  const { code, name, timeUs, cause, confidence, process, serverName, pcap, podName, podNamespace } = event;
  const paint = { broken: style.red, suspicious: style.yellow, 'worth knowing': style.green }[severityOf(event)];
  const pod = [podNamespace, podName].filter((part) => part !== '').join('/');
  const head = [formatIsoTime(timeUs).slice(11, 23), paint(`${code} ${name}`), whereabouts(event), style.dim(pod)];
  const notes = [
    cause,
    process && `process: ${process}`,
    serverName && `SNI: ${serverName}`,
    confidence && `in doubt: ${confidence}`,
    pcap && `pcap: ${pcap}`,
  ];
  const lines = notes.filter((note) => note !== '').flatMap((note) => wrap(note, width - INDENT.length));
  return [head.filter((part) => part !== '').join('  '), ...lines.map((line) => `${INDENT}${line}`)].join('\n');
}

/** `client → server`, and who did it. */
function whereabouts(event: EventLine): string {
  const { sourceAddress, sourcePort, destinationAddress, destinationPort, by, interfaceName, value } = event;
  if (sourceAddress === '') return `${interfaceName} (index ${value})`;
  const who = by === null ? '' : ` by the ${by === Side.initiator ? 'client' : 'server'}`;
  return `${endpointText(sourceAddress, sourcePort)} → ${endpointText(destinationAddress, destinationPort)}${who}`;
}
