import { isIP } from 'node:net';
import { EventCode, type EventName } from '../model/event-code.ts';
import type { EventLine } from './event-line.ts';

/** Whether an event is wanted. */
export type EventFilter = (event: EventLine) => boolean;

/** Wants what all of `filters` want. */
export function allOf(filters: readonly EventFilter[]): EventFilter {
  return (event) => filters.every((wants) => wants(event));
}

/** Wants events of the codes or names in `text`, between commas; null when one of them is none. */
export function codeFilter(text: string): EventFilter | null {
  const names = text.split(',').map((word) => {
    const wanted = word.trim().toUpperCase();
    return (Object.keys(EventCode) as EventName[]).find(
      (name) => name === wanted || (/^\d+$/.test(wanted) && Number(EventCode[name]) === Number(wanted)),
    );
  });
  return names.includes(undefined) ? null : ({ name }) => names.includes(name);
}

/** Wants events with an address, `address:port`, `[address]:port` or `:port` at either end; null for any other text. */
export function peerFilter(text: string): EventFilter | null {
  const [, bracketed, plain = '', port] = /^(?:\[(.*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = isIP(text) === 6 ? text : (bracketed ?? plain);
  const wantedPort = isIP(text) === 6 ? undefined : port;
  if (address === '' ? wantedPort === undefined : isIP(address) === 0) return null;
  const isWanted = (otherAddress: string, otherPort: number) =>
    (address === '' || otherAddress === address) && (wantedPort === undefined || otherPort === Number(wantedPort));
  return ({ sourceAddress, sourcePort, destinationAddress, destinationPort }) =>
    isWanted(sourceAddress, sourcePort) || isWanted(destinationAddress, destinationPort);
}

/** Wants events of a pod: `name` or `namespace/name`. */
export function podFilter(text: string): EventFilter {
  return ({ podName, podNamespace }) => text === podName || text === `${podNamespace}/${podName}`;
}
