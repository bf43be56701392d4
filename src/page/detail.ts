import type { PageConnection } from '../model/page-messages.ts';
import { byId, element } from './dom.ts';
import type { PageEvent, Store } from './store.ts';
import { bytesText, endsOf, latencyText, neighbours, SEVERITY_CLASSES } from './view.ts';

const MOST_NEIGHBOURS = 5;
/** What the facts about TLS are called, by their key in netwevents. */
const TLS_NAMES: Readonly<Record<string, string>> = {
  version: 'TLS version',
  cipher: 'TLS cipher',
  serverName: 'SNI',
  alpn: 'ALPN',
  alert: 'TLS alert',
  certificate: 'Certificate',
};

/** The panel that tells all of one event or one connection. */
export class Detail {
  readonly #dialog = byId<HTMLDialogElement>('detail');
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    this.#dialog.addEventListener('click', (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
  }

  showEvent(event: PageEvent): void {
    const connection = [...this.#store.connections.values()].find((candidate) => endsOf(candidate) === endsOf(event));
    const tls = Object.entries(event.tls)
      .filter(([name]) => name !== 'handshakeUs')
      .map(([name, value]) => [
        name,
        typeof value === 'object' ? Object.values(value ?? {}).join('; ') : String(value),
      ]);
    this.#open(`${event.code} ${event.name}`, SEVERITY_CLASSES[event.severity], [
      facts([
        ['Cause', event.cause],
        ['Severity', event.severity],
        ['Cause ID', event.causeId],
        ['In doubt', event.confidence],
        ['When', event.time],
        ['Pod', event.pod],
        ['Connection', event.client === '' ? '' : endsOf(event)],
        ['Process', event.process || (connection?.process ?? '')],
        ...tls.map(([name = '', value = '']) => [TLS_NAMES[name] ?? name, value] as const),
        ...(connection === undefined ? [] : connectionFacts(connection)),
      ]),
      ...pcapLink(event),
      this.#eventsBlock('Around it, of the same pod', neighbours(this.#store.events, event, MOST_NEIGHBOURS)),
    ]);
  }

  showConnection(connection: PageConnection): void {
    const events = this.#store.events.filter((event) => endsOf(event) === endsOf(connection));
    this.#open(endsOf(connection), 'note', [
      facts([
        ['Process', connection.process],
        ['SNI', connection.serverName],
        ['Began', new Date(connection.beginMs).toISOString()],
        ...connectionFacts(connection),
      ]),
      ...events.flatMap(pcapLink),
      this.#eventsBlock('Its events', events),
    ]);
  }

  #open(title: string, severity: string, content: readonly Node[]): void {
    const close = element('button', { type: 'button', class: 'close' }, 'Close');
    close.addEventListener('click', () => this.#dialog.close());
    this.#dialog.replaceChildren(close, element('h2', { id: 'detail-title', class: severity }, title), ...content);
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  #eventsBlock(title: string, events: readonly PageEvent[]): HTMLElement {
    const items = events.map((event) => {
      const button = element('button', { type: 'button' }, `${event.time.slice(11, 23)} ${event.code} ${event.name}`);
      button.addEventListener('click', () => this.showEvent(event));
      return element('li', {}, button, ` ${event.client === '' ? '' : endsOf(event)}`);
    });
    const list = items.length === 0 ? element('p', {}, 'none') : element('ul', {}, ...items);
    return element('section', {}, element('h2', {}, title), list);
  }
}

function connectionFacts(connection: PageConnection): (readonly [string, string])[] {
  const { state, type, sentBytes, receivedBytes, handshakeUs, tlsUs, firstByteUs } = connection;
  return [
    ['State', state],
    ['Carries', type],
    ['Sent', `${bytesText(sentBytes)}, received ${bytesText(receivedBytes)}`],
    ['TCP handshake', latencyText(handshakeUs)],
    ['TLS handshake', latencyText(tlsUs)],
    ['First byte', latencyText(firstByteUs)],
  ];
}

/** What is known, as a list of terms; what is empty is left out. */
function facts(rows: readonly (readonly [string, string])[]): HTMLElement {
  const known = rows.filter(([, value]) => value !== '');
  return element('dl', {}, ...known.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
}

function pcapLink({ directory, pcap }: PageEvent): HTMLElement[] {
  if (pcap === '') return [];
  const href = `pcap?${new URLSearchParams({ directory, name: pcap })}`;
  return [element('p', {}, element('a', { href, download: pcap }, `Download ${pcap}`))];
}
