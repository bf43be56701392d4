import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { type KubeObject, mergePatch, ObjectStore, selectorOf } from './object-store.ts';
import { OPEN_API_TYPE, openApiDocument } from './open-api.ts';
import type { Command } from './remote-command.ts';
import { execOverSpdy } from './spdy.ts';
import { execOverWebSocket } from './web-socket.ts';

const KINDS = { pods: 'Pod', configmaps: 'ConfigMap', namespaces: 'Namespace' } as const;

type Resource = keyof typeof KINDS;

/** What runs the pods. */
export interface Runtime {
  /** What `kubectl exec` runs in a pod. */
  exec(pod: KubeObject, argv: readonly string[]): Command;
  /** What a pod has printed. */
  logs(pod: KubeObject): string;
}

/** What a request is about. */
interface Target {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly query: URLSearchParams;
}

class ApiError extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

/** As much of the Kubernetes API as kubectl needs for pods, ConfigMaps, namespaces and `exec`. */
export class ApiServer {
  readonly store = new ObjectStore();
  /** True when nobody may `exec`. */
  execIsForbidden = false;
  readonly #server: Server;
  readonly #runtime: Runtime;

  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#server = createServer((request, response) => this.#respond(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  static async start(runtime: Runtime): Promise<ApiServer> {
    const api = new ApiServer(runtime);
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Writes a kubeconfig for this server, with a current namespace. */
  writeKubeconfig(path: string, namespace: string): void {
    const { port } = this.#server.address() as AddressInfo;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: `http://127.0.0.1:${port}` } }],
      users: [{ name: 'test', user: {} }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
      'current-context': 'test',
    };
    writeFileSync(path, JSON.stringify(config));
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api');
      if (pathname === '/openapi/v2') return send(response, 200, OPEN_API_TYPE, openApiDocument(Object.values(KINDS)));
      const discovered = discovery(pathname);
      if (discovered !== null) return sendJson(response, 200, discovered);
      const target = targetOf(pathname, searchParams);
      if (target === null) throw notFound(`the path ${pathname}`);
      if (searchParams.get('watch') === 'true') return this.#watch(target, response);
      if (target.subresource === 'log') return this.#logs(target, response);
      const body = Buffer.concat(await request.toArray());
      sendJson(response, 200, this.#answer(request.method ?? '', target, body));
    } catch (error) {
      const { code = 500, reason = 'InternalError', message } = error as ApiError;
      sendJson(response, code, { ...STATUS, status: 'Failure', code, reason, message });
    }
  }

  #answer(method: string, target: Target, body: Buffer): object {
    const { resource, namespace, name } = target;
    if (method === 'GET' && name === '') return this.#list(target);
    if (method === 'POST') return this.#create(target, JSON.parse(body.toString()));
    const object = this.store.get(resource, namespace, name);
    if (object === undefined) throw notFound(`${resource} "${name}"`);
    switch (method) {
      case 'GET':
        return this.#typed(resource, object);
      case 'PATCH':
        return this.#typed(resource, this.#patch(target, object, JSON.parse(body.toString())));
      case 'DELETE':
        this.store.delete(resource, namespace, name);
        return { ...STATUS, status: 'Success' };
      default:
        throw new ApiError(405, 'MethodNotAllowed', `${method} is not known`);
    }
  }

  #list({ resource, namespace, query }: Target): object {
    const items = this.store
      .list(resource, namespace, selectorOf(query))
      .map((object) => this.#typed(resource, object));
    return { apiVersion: 'v1', kind: `${KINDS[resource]}List`, metadata: { resourceVersion: '1' }, items };
  }

  #create({ resource, namespace }: Target, object: KubeObject): object {
    if (namespace !== '' && this.store.get('namespaces', '', namespace) === undefined)
      throw notFound(`namespaces "${namespace}"`);
    const { name } = object.metadata;
    if (this.store.get(resource, namespace, name) !== undefined)
      throw new ApiError(409, 'AlreadyExists', `${resource} "${name}" already exists`);
    return this.#typed(resource, this.store.put(resource, namespace, object));
  }

  /** What a pod is made of cannot be changed while it is there. */
  #patch({ resource, namespace, name }: Target, object: KubeObject, patch: unknown): KubeObject {
    const patched = mergePatch(object, patch) as KubeObject;
    if (resource === 'pods' && !isDeepStrictEqual(patched.spec, object.spec)) {
      throw new ApiError(
        422,
        'Invalid',
        `Pod "${name}" is invalid: spec: Forbidden: pod updates may not change fields`,
      );
    }
    return this.store.put(resource, namespace, patched);
  }

  #logs({ namespace, name }: Target, response: ServerResponse): void {
    const pod = this.store.get('pods', namespace, name);
    if (pod === undefined) throw notFound(`pods "${name}"`);
    send(response, 200, 'text/plain', Buffer.from(this.#runtime.logs(pod)));
  }

  #watch({ resource, namespace, query }: Target, response: ServerResponse): void {
    const selected = selectorOf(query);
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    const end = this.store.watch((change) => {
      if (change.resource !== resource || (change.object.metadata.namespace ?? '') !== namespace) return;
      if (!selected(change.object)) return;
      response.write(`${JSON.stringify({ type: change.type, object: this.#typed(resource, change.object) })}\n`);
    });
    response.on('close', end);
  }

  #typed(resource: Resource, object: KubeObject): KubeObject {
    return { apiVersion: 'v1', kind: KINDS[resource], ...object };
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api');
    const target = targetOf(pathname, searchParams);
    const pod = target?.subresource === 'exec' ? this.store.get('pods', target.namespace, target.name) : undefined;
    if (this.execIsForbidden || pod === undefined) {
      const message =
        pod === undefined
          ? 'no such pod'
          : `pods "${target?.name}" is forbidden: User "test" cannot create resource "pods/exec"`;
      const code = pod === undefined ? 404 : 403;
      const body = JSON.stringify({ ...STATUS, status: 'Failure', reason: 'Forbidden', message, code });
      socket.end(
        `HTTP/1.1 ${code} no\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      return;
    }
    const exec = request.headers.upgrade === 'websocket' ? execOverWebSocket : execOverSpdy;
    exec(request, socket, head, this.#runtime.exec(pod, searchParams.getAll('command')));
  }
}

const STATUS = { apiVersion: 'v1', kind: 'Status', metadata: {} };

function notFound(what: string): ApiError {
  return new ApiError(404, 'NotFound', `${what} not found`);
}

/** What kubectl wants to know of the API before it asks for anything. */
function discovery(path: string): object | null {
  switch (path) {
    case '/version':
      return { major: '1', minor: '32', gitVersion: 'v1.32.0' };
    case '/api':
      return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    case '/apis':
      return { kind: 'APIGroupList', apiVersion: 'v1', groups: [] };
    case '/api/v1': {
      const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
      const resources = Object.entries(KINDS).map(([name, kind]) => {
        return { name, kind, singularName: kind.toLowerCase(), namespaced: name !== 'namespaces', verbs };
      });
      return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'v1', resources };
    }
    default:
      return null;
  }
}

const PATH = /^\/api\/v1(?:\/namespaces\/([^/]+)(?=\/))?\/(pods|configmaps|namespaces)(?:\/([^/]+))?(?:\/([^/]+))?$/;

function targetOf(path: string, query: URLSearchParams): Target | null {
  const [whole, namespace = '', resource, name = '', subresource = ''] = PATH.exec(path) ?? [];
  if (whole === undefined) return null;
  return { resource: resource as Resource, namespace, name, subresource, query };
}

function sendJson(response: ServerResponse, code: number, body: object): void {
  send(response, code, 'application/json', Buffer.from(JSON.stringify(body)));
}

function send(response: ServerResponse, code: number, type: string, body: Buffer): void {
  response.writeHead(code, { 'content-type': type, 'content-length': body.length }).end(body);
}
