import { EventCode } from '../model/event-code.ts';
import type { PageConnection, PageMessage } from '../model/page-messages.ts';
import { LatencyChart, Timeline } from './charts.ts';
import { Detail } from './detail.ts';
import { byId, element } from './dom.ts';
import { List } from './list.ts';
import { type PageEvent, Store } from './store.ts';
import {
  bytesText,
  codesByEnds,
  endsOf,
  latencyText,
  SEVERITY_CLASSES,
  selectConnections,
  stateClass,
} from './view.ts';

const CODES = Object.values(EventCode);
const STATES = [
  'opening',
  'half-open',
  'established',
  'ended',
  'TLS alert',
  'reset',
  'stale',
  'half-open, given up',
  'stopped',
];
const TYPES = ['TLS', 'HTTP', 'plain', 'unknown'];

const store = new Store();
const detail = new Detail(store);
const timeline = new Timeline(byId('timeline'));
const latency = new LatencyChart(byId('latency'));
let sortBy: keyof PageConnection = 'beginMs';
let descending = true;

const events = new List<PageEvent>(byId('events'), {
  label: 'Events',
  keyOf: ({ id }) => String(id),
  onOpen: (event) => detail.showEvent(event),
  columns: [
    { title: 'Time (UTC)', text: ({ time }) => time.slice(11, 23) },
    {
      title: 'Event',
      text: ({ code, name }) => `${code} ${name}`,
      className: ({ severity }) => SEVERITY_CLASSES[severity],
    },
    { title: 'Connection', text: (event) => (event.client === '' ? '' : endsOf(event)) },
    { title: 'Pod', text: ({ pod }) => pod },
    { title: 'Cause', text: ({ cause }) => cause },
  ],
});

const connections = new List<PageConnection>(byId('connections'), {
  label: 'Connections',
  keyOf: ({ key }) => key,
  onOpen: (connection) => detail.showConnection(connection),
  onSort: (column) => {
    descending = sortBy === column ? !descending : false;
    sortBy = column as keyof PageConnection;
    showConnections();
  },
  columns: [
    { title: 'Client', text: ({ client }) => client, sortBy: 'client' },
    { title: 'Server', text: ({ server }) => server, sortBy: 'server' },
    {
      title: 'State',
      text: ({ state }) => state,
      sortBy: 'state',
      className: stateClass,
    },
    { title: 'Carries', text: ({ type }) => type, sortBy: 'type' },
    { title: 'Sent', text: ({ sentBytes }) => bytesText(sentBytes), sortBy: 'sentBytes', isNumber: true },
    {
      title: 'Received',
      text: ({ receivedBytes }) => bytesText(receivedBytes),
      sortBy: 'receivedBytes',
      isNumber: true,
    },
    { title: 'TCP', text: ({ handshakeUs }) => latencyText(handshakeUs), sortBy: 'handshakeUs', isNumber: true },
    { title: 'TLS', text: ({ tlsUs }) => latencyText(tlsUs), sortBy: 'tlsUs', isNumber: true },
    { title: 'Process', text: ({ process }) => process, sortBy: 'process' },
    { title: 'SNI', text: ({ serverName }) => serverName, sortBy: 'serverName' },
  ],
});

function showPods(): void {
  const items = store.sessions.map(({ pod, namespace, interface: name, state, reason, open, halfOpen, dropped }) => {
    const who = [namespace, pod].filter((part) => part !== '').join('/') || name || 'a pod';
    const lost = dropped > 0 ? `, ${dropped} packets lost` : '';
    const counts = state === 'capturing' ? `${open} open, ${halfOpen} half-open${lost}` : reason;
    return element(
      'li',
      { class: state, title: name },
      element('b', {}, who),
      ` ${state}${counts === '' ? '' : `: ${counts}`}`,
    );
  });
  byId('pods').replaceChildren(...items);
}

function countText(shown: number, known: number, leftOut: number): string {
  const more = leftOut === 0 ? '' : ` (${leftOut} more came too fast to be shown; they are in the files)`;
  return `${shown} of ${known}${more}`;
}

function showEvents(): void {
  const text = byId<HTMLInputElement>('events-search').value.toLowerCase();
  const code = byId<HTMLSelectElement>('events-code').value;
  const shown = store.events.filter((event) => {
    if (code === '' ? event.code === '00003' : event.code !== code) return false;
    return (
      text === '' ||
      `${event.name} ${endsOf(event)} ${event.pod} ${event.process} ${event.cause}`.toLowerCase().includes(text)
    );
  });
  shown.reverse();
  byId('events-count').textContent = countText(shown.length, store.events.length, store.leftOut.events);
  events.show(shown);
}

function showConnections(): void {
  const value = (id: string) => byId<HTMLInputElement | HTMLSelectElement>(id).value;
  const query = {
    text: value('connections-search'),
    state: value('connections-state'),
    type: value('connections-type'),
    code: value('connections-code'),
    sortBy,
    descending,
  };
  const codes = query.code === '' ? new Map<string, Set<string>>() : codesByEnds(store.events);
  const shown = selectConnections(store.connections.values(), codes, query);
  byId('connections-count').textContent = countText(shown.length, store.connections.size, store.leftOut.ends);
  connections.markSorted(sortBy, descending);
  connections.show(shown);
}

function showCharts(): void {
  timeline.show(store.events, store.timeMs);
  latency.show(store.latency);
}

/** What has to be drawn again; drawn once a frame, however much comes. */
const due = new Set<() => void>();

function redraw(show: () => void): void {
  if (due.size === 0) {
    requestAnimationFrame(() => {
      const all = [...due];
      due.clear();
      for (const one of all) one();
    });
  }
  due.add(show);
}

function take(message: PageMessage): void {
  store.take(message);
  if (message.kind === 'sessions') redraw(showPods);
  if (message.kind === 'events') redraw(showEvents);
  if (message.kind === 'connections') redraw(showConnections);
  else redraw(showCharts);
}

function options(id: string, values: readonly string[]): void {
  byId(id).append(...values.map((value) => element('option', { value }, value)));
}

options('events-code', CODES);
options('connections-code', CODES);
options('connections-state', STATES);
options('connections-type', TYPES);
for (const id of ['events-search', 'events-code']) byId(id).addEventListener('input', () => redraw(showEvents));
for (const id of ['search', 'state', 'type', 'code']) {
  byId(`connections-${id}`).addEventListener('input', () => redraw(showConnections));
}

const link = byId('link');
const stream = new EventSource('stream');
stream.addEventListener('open', () => {
  store.clear();
  link.textContent = 'live';
  link.className = '';
});
stream.addEventListener('error', () => {
  link.textContent = 'the agent does not answer; trying again…';
  link.className = 'lost';
});
stream.addEventListener('message', ({ data }) => take(JSON.parse(data)));
