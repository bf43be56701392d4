import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { sessionDirectoryName } from '../model/session-directory-name.ts';
import type { SessionStatus } from '../model/session-status.ts';
import { CLIENT_LIMITS, type ClientLimits, ClientPlaces } from './client-places.ts';
import { type ListenAddress, ListenError, listenAddresses } from './listen-addresses.ts';
import { Metrics } from './metrics.ts';
import type { Observed } from './observed.ts';
import type { PageServer } from './page-server.ts';

const MAX_HEADER_BYTES = 8_192;
/** What the kubelet asks for: answered at once, whatever else is asked. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/** A pod or interface that is not there now is no fault of the agent: it will be captured when it comes. */
const READY_STATES: ReadonlySet<SessionStatus['state']> = new Set(['capturing', 'waiting']);

const PLAIN_TEXT = 'text/plain; charset=utf-8';

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Plain text when absent. */
  readonly contentType?: string;
}

/** What is answered, and where. */
export interface HealthServerOptions {
  readonly port: number;
  readonly addresses: readonly string[];
  readonly observed: Observed;
  /** The live page, if there is one. */
  readonly page?: PageServer | null;
  /** `CLIENT_LIMITS` when absent. */
  readonly limits?: ClientLimits;
}

/**
 * Answers probes and Prometheus over HTTP. `/metrics`: what the sessions count. `/healthz`: 200 as long as the agent
 * answers at all. `/readyz`: 200 when every session
 * captures or waits for its pod, else 503; either with a line for each session.
 */
export class HealthServer {
  readonly #servers: readonly Server[];

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  /** Listens on a port of each address. Rejects with `ListenError` when one cannot be had. */
  static async listen({ port, addresses, observed, page, limits }: HealthServerOptions): Promise<HealthServer> {
    const servers: Server[] = [];
    const metrics = await Metrics.of(observed);
    try {
      for (const address of listenAddresses(addresses)) {
        const server = serverFor(observed, metrics, page ?? null, limits ?? CLIENT_LIMITS);
        servers.push(server);
        await listenOn(server, port, address);
      }
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    }
    return new HealthServer(servers);
  }

  /** Answers no more. */
  close(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

function serverFor(observed: Observed, metrics: Metrics, page: PageServer | null, limits: ClientLimits): Server {
  const places = new ClientPlaces(limits);
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: limits.requestMs,
      requireHostHeader: false,
    },
    (request, response) => {
      const { socket } = request;
      const path = pathOf(request);
      places.requested(socket);
      if (!PROBES.has(path) && !places.take(response, socket, page?.longestAnswerMs(path))) {
        send(response, { status: 503, text: 'too much is being answered; ask again later' }, { 'retry-after': '1' });
      } else if (page?.handle(request, response) !== true) {
        respond(request, response, observed, metrics).catch(() => response.destroy());
      }
    },
  );
  server.maxRequestsPerSocket = 1;
  places.watch(server);
  return server;
}

function listenOn(server: Server, port: number, { host, ipv6Only }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => reject(new ListenError(host, port, code)));
    server.listen({ port, host, ipv6Only }, () => {
      server.removeAllListeners('error');
      server.on('error', () => undefined); // a client that could not be accepted comes again
      resolve();
    });
  });
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  observed: Observed,
  metrics: Metrics,
): Promise<void> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead) send(response, await answerTo(pathOf(request), observed, metrics));
  else send(response, { status: 405, text: 'only GET and HEAD' }, { allow: 'GET, HEAD' });
}

function send(response: ServerResponse, { status, text, contentType = PLAIN_TEXT }: Answer, headers = {}): void {
  response.writeHead(status, {
    'content-type': contentType,
    'cache-control': 'no-store',
    connection: 'close',
    ...headers,
  });
  response.end(`${text.trimEnd()}\n`);
}

async function answerTo(path: string, observed: Observed, metrics: Metrics): Promise<Answer> {
  switch (path) {
    case '/healthz':
      return { status: 200, text: 'alive' };
    case '/readyz': {
      const sessions = observed.sessions();
      const isReady = sessions.every(({ state }) => READY_STATES.has(state));
      const lines = [isReady ? 'ready' : 'not ready', ...sessions.map(lineFor)];
      return { status: isReady ? 200 : 503, text: lines.join('\n') };
    }
    case '/metrics':
      return { status: 200, text: await metrics.text(), contentType: metrics.contentType };
    default:
      return { status: 404, text: 'there are /healthz, /readyz and /metrics' };
  }
}

function lineFor({
  envFile,
  podNamespace,
  podName,
  interfaceIndex,
  interfaceName,
  state,
  reason,
}: SessionStatus): string {
  const pod = podName === '' ? '' : ` pod ${podNamespace}/${podName}`;
  const where = interfaceIndex === null ? '' : ` on ${interfaceName} (${sessionDirectoryName(interfaceIndex)})`;
  return `${envFile}:${pod} ${state}${where}${reason === '' ? '' : `: ${reason}`}`;
}
