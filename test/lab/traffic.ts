/**
 * Makes TCP traffic; run inside a network namespace by `Lab.traffic` and `Lab.serve`.
 *
 *     traffic.js serve orderly|slow|greeting|http|reset|silent PORT
 *     traffic.js orderly|greeted|reset|refused|hold|half-open HOST PORT [COUNT] [RATE] [SECONDS]
 *
 * A client opens COUNT connections (1) at RATE a second (100), and prints one JSON line, `TrafficReport`, at its end.
 * orderly: a request, an answer, FIN from the client. greeted: says nothing before the server did. reset: RST from the
 * client after the answer. refused: counts the refusals. hold: rests for SECONDS (3600) after the answer. half-open:
 * gives up after SECONDS. The server `slow` answers after `SLOW_MS`; `greeting` speaks, unasked, that long after it was
 * connected to.
 */
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { pathToFileURL } from 'node:url';

/** What a client did. */
export interface TrafficReport {
  readonly connections: number;
  /** How many connections had each error code, e.g. `ECONNREFUSED`. */
  readonly errors: Readonly<Record<string, number>>;
  /** Source ports of the first connections, at most 1,000. */
  readonly localPorts: readonly number[];
}

const REQUEST = 'ping\n';
const ANSWER = 'pong\n';
/** What a slow server takes for an answer or a greeting. */
export const SLOW_MS = 300;
const TICK_MS = 5;
const KEPT_PORTS = 1_000;

const CLIENTS = ['orderly', 'greeted', 'reset', 'refused', 'hold', 'half-open'] as const;
type ClientKind = (typeof CLIENTS)[number];

function serve(mode: string, port: number): void {
  const listen = { port, host: '::', backlog: 4_096 };
  if (mode === 'http') {
    createHttpServer((_request, response) => response.end(ANSWER)).listen(listen);
    return;
  }
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // a reset by the client is part of the plan
    const answer = () => socket.write(ANSWER);
    if (mode === 'greeting') setTimeout(answer, SLOW_MS);
    if (mode === 'greeting' || mode === 'silent') return;
    socket.on('data', () => {
      if (mode === 'reset') socket.resetAndDestroy();
      else if (mode === 'slow') setTimeout(answer, SLOW_MS);
      else answer();
    });
  });
  server.listen(listen);
}

/** What a client does once the server answered, or at once when it only waits to be let in. */
function leave(kind: ClientKind, socket: Socket, seconds: number): void {
  if (kind === 'reset') socket.resetAndDestroy();
  else if (kind === 'hold') setTimeout(() => socket.destroy(), seconds * 1_000);
  else socket.end();
}

function open(kind: ClientKind, host: string, port: number, seconds: number): Promise<{ code: string; port: number }> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let code = '';
    let localPort = 0;
    if (kind === 'half-open') setTimeout(() => socket.destroy(), seconds * 1_000);
    socket.on('connect', () => {
      localPort = socket.localPort ?? 0;
      if (kind !== 'greeted') socket.write(REQUEST);
    });
    socket.once('data', () => leave(kind, socket, seconds));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message;
    });
    socket.on('close', () => resolve({ code, port: localPort }));
  });
}

async function client(kind: ClientKind, args: readonly string[]): Promise<void> {
  const [host = '', port = '0', count = '1', rate = '100', seconds = '3600'] = args;
  const total = Number(count);
  const begin = performance.now();
  const attempts: Promise<{ code: string; port: number }>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.ceil(((performance.now() - begin) * Number(rate)) / 1_000));
      while (attempts.length < due) attempts.push(open(kind, host, Number(port), Number(seconds)));
      if (attempts.length < total) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
  const results = await Promise.all(attempts);
  const errors: Record<string, number> = {};
  for (const { code } of results) if (code !== '') errors[code] = (errors[code] ?? 0) + 1;
  const localPorts = results.slice(0, KEPT_PORTS).map((result) => result.port);
  const report: TrafficReport = { connections: results.length, errors, localPorts };
  console.log(JSON.stringify(report));
}

async function main(): Promise<void> {
  const [command = '', ...args] = process.argv.slice(2);
  const kind = CLIENTS.find((name) => name === command);
  if (command === 'serve') serve(args[0] ?? 'orderly', Number(args[1]));
  else if (kind !== undefined) await client(kind, args);
  else throw new Error(`Cannot make traffic: "${command}" is none of serve, ${CLIENTS.join(', ')}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
