import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { sessionDirectoryName } from '../model/session-directory-name.ts';
import type { SessionStatus } from '../model/session-status.ts';
import { Metrics } from './metrics.ts';
import type { Observed } from './observed.ts';
import type { PageServer } from './page-server.ts';

/** Bounds of what a client may cost. */
const MAX_CLIENTS = 16;
const MAX_HEADER_BYTES = 8_192;
const REQUEST_MS = 5_000;

/** A pod or interface that is not there now is no fault of the agent: it will be captured when it comes. */
const READY_STATES: ReadonlySet<SessionStatus['state']> = new Set(['capturing', 'waiting']);

const PLAIN_TEXT = 'text/plain; charset=utf-8';

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Plain text when absent. */
  readonly contentType?: string;
}

/**
 * Answers probes and Prometheus over HTTP. `/metrics`: what the sessions count. `/healthz`: 200 as long as the agent answers at all. `/readyz`: 200 when every session
 * captures or waits for its pod, else 503; either with a line for each session.
 */
export class HealthServer {
  readonly #servers: readonly Server[];

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  /** Listens on a port of each address, also for the live page if there is one. Rejects with one line that says what to do when one cannot be had. */
  static async listen(
    port: number,
    addresses: readonly string[],
    observed: Observed,
    page: PageServer | null = null,
  ): Promise<HealthServer> {
    const servers: Server[] = [];
    const metrics = await Metrics.of(observed);
    try {
      for (const address of new Set(addresses)) {
        const server = serverFor(observed, metrics, page);
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

function serverFor(observed: Observed, metrics: Metrics, page: PageServer | null): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: REQUEST_MS,
      requireHostHeader: false,
    },
    (request, response) => {
      if (page?.handle(request, response) !== true) {
        respond(request, response, observed, metrics).catch(() => response.destroy());
      }
    },
  );
  server.maxConnections = MAX_CLIENTS;
  return server;
}

function listenOn(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(`Cannot answer health checks on ${address}, port ${port}: ${error.code}; change HEALTH_PORT`));
    });
    server.listen(port, address, () => {
      server.removeAllListeners('error');
      server.on('error', () => undefined); // a client that could not be accepted comes again
      resolve();
    });
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  observed: Observed,
  metrics: Metrics,
): Promise<void> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const {
    status,
    text,
    contentType = PLAIN_TEXT,
  } = isRead ? await answerTo(request.url ?? '', observed, metrics) : { status: 405, text: 'only GET and HEAD' };
  response.writeHead(status, {
    'content-type': contentType,
    'cache-control': 'no-store',
    connection: 'close',
    ...(isRead ? {} : { allow: 'GET, HEAD' }),
  });
  response.end(`${text.trimEnd()}\n`);
}

async function answerTo(url: string, observed: Observed, metrics: Metrics): Promise<Answer> {
  switch (url.split('?', 1)[0]) {
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
