import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** An Event object as the server keeps it. */
export interface StoredEvent {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly uid?: string };
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
}

/** How the server treats requests: as it should, forbids them, or never answers. */
export type Mood = 'good' | 'forbidding' | 'hanging';

const COLLECTION = /^\/api\/v1\/namespaces\/([a-z0-9.-]+)\/events(?:\/([a-z0-9.-]+))?$/;

/** As much of an API server as Events need: over TLS, with a token, creating and patching them. */
export class ApiServer {
  mood: Mood = 'good';
  /** Events of this reason are invalid. */
  invalidReason = '';
  /** By namespace and name. */
  readonly events: Map<string, StoredEvent>;
  /** Method and path of each request that came in with the right token. */
  readonly requests: string[] = [];
  readonly #directory: string;
  readonly #certificate: string;
  #server: Server | null = null;
  #port = 0;

  /** `directory` has the certificates of `makeCertificates`, and gets `ca.crt` and `token` as a service account has. */
  constructor(directory: string, certificate = 'rsa', events = new Map<string, StoredEvent>()) {
    this.events = events;
    this.#directory = directory;
    this.#certificate = certificate;
    writeFileSync(join(directory, 'ca.crt'), readFileSync(join(directory, 'ca.pem')));
    this.setToken('first token');
  }

  setToken(token: string): void {
    writeFileSync(join(this.#directory, 'token'), `${token}\n`);
  }

  /** What the environment of a pod says of the server. */
  get environment(): Record<string, string> {
    return {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(this.#port),
      SERVICE_ACCOUNT_DIR: this.#directory,
    };
  }

  /** Listens; again on the same port when it did before. */
  async start(): Promise<void> {
    const [cert, key] = ['pem', 'key'].map((kind) =>
      readFileSync(join(this.#directory, `${this.#certificate}.${kind}`)),
    );
    const server = createServer({ cert, key }, async (request, response) => {
      let body = '';
      for await (const piece of request) body += piece;
      if (this.mood === 'hanging') return;
      const { status, answer } = this.#handle(request.method ?? '', request.url ?? '', request.headers, body);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  #handle(method: string, url: string, headers: NodeJS.Dict<string | string[]>, body: string) {
    const refuse = (status: number, message: string) => ({ status, answer: { kind: 'Status', message } });
    const token = readFileSync(join(this.#directory, 'token'), 'utf8').trim();
    if (headers['authorization'] !== `Bearer ${token}`) return refuse(401, 'Unauthorized');
    this.requests.push(`${method} ${url}`);
    if (this.mood === 'forbidding') return refuse(403, 'events is forbidden: User "x" cannot create resource "events"');
    const [, namespace = '', name] = COLLECTION.exec(url) ?? [];
    if (namespace === '') return refuse(404, 'the server could not find the requested resource');
    const object = JSON.parse(body);
    if (object.reason === this.invalidReason) return refuse(422, 'Event is invalid: reason');
    if (method === 'POST' && headers['content-type'] === 'application/json') {
      if (object.metadata.namespace !== namespace || object.involvedObject.namespace !== namespace) {
        return refuse(422, 'involvedObject.namespace: does not match');
      }
      this.events.set(`${namespace}/${object.metadata.name}`, object);
      return { status: 201, answer: object };
    }
    const known = this.events.get(`${namespace}/${name}`);
    if (method !== 'PATCH' || headers['content-type'] !== 'application/merge-patch+json') return refuse(405, 'not so');
    if (known === undefined) return refuse(404, `events "${name}" not found`);
    this.events.set(`${namespace}/${name}`, { ...known, ...object });
    return { status: 200, answer: known };
  }
}
