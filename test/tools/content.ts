import type { Random } from './random.ts';
import { protectedRecords, tlsHandshake } from './tls-content.ts';

/** What one side says before the other answers. */
export interface Message {
  readonly fromClient: boolean;
  readonly bytes: Uint8Array;
}

/** What connections carry: one kind of traffic, with the ports it is found on. */
export interface Content {
  readonly name: string;
  readonly serverPorts: readonly number[];
  /** What is said on one connection, in turn. The bytes may be shared by many messages: they are only read. */
  conversation(random: Random): readonly Message[];
}

const FILLER_BYTES = 1 << 20;
/** Text that every body is cut from: no kind of traffic has to make its bytes anew for every connection. */
const FILLER = Buffer.alloc(
  FILLER_BYTES,
  'The quick brown fox jumps over the lazy dog, and the pod says it was the network. ',
);

const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'] as const;

/** Most answers are those of an API, some are pages, a few are downloads. */
function answerBytes(random: Random): number {
  const [median, sigma] = random.pick([
    ...Array<[number, number]>(14).fill([900, 1]),
    ...Array<[number, number]>(5).fill([16_000, 0.8]),
    [160_000, 0.7],
  ] as const);
  return Math.min(FILLER_BYTES, Math.max(16, Math.round(random.logNormal(median, sigma))));
}

/** Requests on a kept connection: mostly few. */
function requestCount(random: Random): number {
  return Math.min(12, 1 + Math.floor(random.logNormal(0.9, 0.9)));
}

/** HTTP/1.1 requests and responses with the heads of everyday services. */
export const httpContent: Content = {
  name: 'http',
  serverPorts: [80, 8080],
  conversation(random) {
    return Array.from({ length: requestCount(random) }, () => {
      const method = random.pick(METHODS);
      const body = method === 'POST' || method === 'PUT' ? random.between(20, 2_000) : 0;
      const request = [
        `${method} /api/v1/items/${random.uint32()} HTTP/1.1`,
        'Host: shop.example:8080',
        'User-Agent: bench/1.0',
        'Accept: application/json',
        `X-Request-Id: ${random.uint32().toString(16)}`,
        ...(body > 0 ? ['Content-Type: application/json', `Content-Length: ${body}`] : []),
      ];
      const length = answerBytes(random);
      const response = ['HTTP/1.1 200 OK', 'Content-Type: application/json', `Content-Length: ${length}`];
      return [
        { fromClient: true, bytes: withBody(request, body) },
        { fromClient: false, bytes: withBody(response, length) },
      ];
    }).flat();
  },
};

/** Requests and answers of a protocol that the agent does not know. */
export const plainContent: Content = {
  name: 'plain',
  serverPorts: [5432, 9092],
  conversation(random) {
    return Array.from({ length: requestCount(random) }, () => [
      { fromClient: true, bytes: FILLER.subarray(0, random.between(20, 600)) },
      { fromClient: false, bytes: FILLER.subarray(0, answerBytes(random)) },
    ]).flat();
  },
};

/** TLS 1.2 and 1.3: a handshake, and requests and answers in encrypted records. */
export const tlsContent: Content = {
  name: 'tls',
  serverPorts: [443, 8443],
  conversation(random) {
    const requests = Array.from({ length: requestCount(random) }, () => [
      { fromClient: true, bytes: protectedRecords(random.between(100, 1_500)) },
      { fromClient: false, bytes: protectedRecords(answerBytes(random)) },
    ]);
    return [...tlsHandshake(random), ...requests.flat()];
  },
};

/** The kinds of traffic by name. */
export const CONTENTS: Readonly<Record<string, Content>> = { http: httpContent, plain: plainContent, tls: tlsContent };

function withBody(head: readonly string[], bodyBytes: number): Uint8Array {
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), FILLER.subarray(0, bodyBytes)]);
}
