import { constants, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { PageSource } from './observed.ts';
import type { Access, PageAccess } from './page-access.ts';
import { PageStream } from './page-stream.ts';

const MOST_STREAMS = 4;
const MOST_LOGIN_BYTES = 2_048;
const LOGIN_DELAY_MS = 500;
/** A pcap has a few megabytes: who takes longer than this holds a place for others. */
const LONGEST_DOWNLOAD_MS = 300_000;

/** The page asks nobody but the agent for anything, and runs no script but its own. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const LOGIN_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>DLLT agent</title>
<link rel="stylesheet" href="page.css"><main><form method="post" action="login">
<label>Token <input name="token" type="password" autocomplete="current-password" autofocus></label> <button>Show</button>
<p>It is that of UI_TOKEN, or what <code>dlltagent token</code> tells where the agent runs: <code>kubectl exec POD -- dlltagent token</code>.</p>
</form></main></html>
`;

const REFUSALS: Readonly<Record<Exclude<Access, 'granted' | 'login'>, string>> = {
  noToken: 'with UI_TOKEN=none the page is shown on loopback only',
  wrongHost: 'the page is at localhost or 127.0.0.1',
};

interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
}

const DIRECTORY = /^dllt\d{1,10}$/;
const DUMP = /^dump_[0-9a-f._-]{1,200}\.pcap(ng)?$/;

/** Serves the live page: itself, what goes on, and the pcaps. */
export class PageServer {
  readonly #source: PageSource;
  readonly #access: PageAccess;
  readonly #assets: ReadonlyMap<string, Asset>;
  #streams = 0;

  /** `directory` holds the files of the page, which are read now. */
  constructor(source: PageSource, access: PageAccess, directory: string) {
    this.#source = source;
    this.#access = access;
    const asset = (name: string, type: string): [string, Asset] => [
      `/${name === 'index.html' ? '' : name}`,
      { type, bytes: readFileSync(join(directory, name)) },
    ];
    this.#assets = new Map([
      asset('index.html', 'text/html; charset=utf-8'),
      asset('page.css', 'text/css; charset=utf-8'),
      asset('page.js', 'text/javascript; charset=utf-8'),
    ]);
  }

  /** How long an answer to a request for this path may take; undefined where nothing is said. */
  longestAnswerMs(path: string): number | undefined {
    if (path === '/stream') return Number.POSITIVE_INFINITY;
    return path === '/pcap' ? LONGEST_DOWNLOAD_MS : undefined;
  }

  /** Answers a request if it is one for the page; false when it is for somebody else. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const [pathname = '', query] = (request.url ?? '').split('?', 2);
    const asset = this.#assets.get(pathname);
    if (asset === undefined && !['/stream', '/pcap', '/login'].includes(pathname)) return false;
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    const access = this.#access.accessOf(request);
    if (access === 'noToken' || access === 'wrongHost') say(response, 403, REFUSALS[access]);
    else if (pathname === '/login') this.#login(request, response, query).catch(() => response.destroy());
    else if (request.method !== 'GET') say(response, 405, 'only GET');
    else if (access === 'login' && pathname === '/') answer(response, 401, 'text/html; charset=utf-8', LOGIN_PAGE);
    else if (access === 'login' && pathname !== '/page.css') say(response, 401, 'the token is missing');
    else if (asset !== undefined) answer(response, 200, asset.type, asset.bytes);
    else if (pathname === '/stream') this.#stream(response);
    else void this.#pcap(response, new URLSearchParams(query));
    return true;
  }

  #stream(response: ServerResponse): void {
    if (this.#streams >= MOST_STREAMS) {
      say(response, 503, `${MOST_STREAMS} pages are open already`);
      return;
    }
    this.#streams++;
    new PageStream(response, this.#source, () => this.#streams--).start();
  }

  /** Sends a dump: nothing but the agent's own, and no link that leads elsewhere. */
  async #pcap(response: ServerResponse, query: URLSearchParams): Promise<void> {
    const directory = query.get('directory') ?? '';
    const name = query.get('name') ?? '';
    if (!DIRECTORY.test(directory) || !DUMP.test(name)) {
      say(response, 404, 'this is no pcap of the agent');
      return;
    }
    try {
      const path = join(this.#source.logDirectory, directory, name);
      const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      response.writeHead(200, {
        'content-type': 'application/vnd.tcpdump.pcap',
        'content-disposition': `attachment; filename="${name}"`,
        'cache-control': 'no-store',
      });
      await pipeline(handle.createReadStream(), response); // closes the file
    } catch {
      if (response.headersSent) response.destroy();
      else say(response, 404, 'this pcap is not there: not yet, or not any more');
    }
  }

  /** Takes the token, or the key of the link on the console. Slow on purpose: nobody gets to try many. */
  async #login(request: IncomingMessage, response: ServerResponse, query: string | undefined): Promise<void> {
    let body = '';
    for await (const piece of request) {
      body += piece;
      if (body.length > MOST_LOGIN_BYTES) break;
    }
    const key = request.method === 'GET' ? new URLSearchParams(query).get('key') : null;
    const token = new URLSearchParams(body).get('token') ?? '';
    const cookie = key === null ? this.#access.cookieFor(token) : this.#access.cookieForKey(key);
    if (cookie === null) await new Promise((resolve) => setTimeout(resolve, LOGIN_DELAY_MS));
    if (cookie === null) answer(response, 401, 'text/html; charset=utf-8', LOGIN_PAGE);
    else response.writeHead(303, { location: '.', 'set-cookie': cookie, connection: 'close' }).end();
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  answer(response, status, 'text/plain; charset=utf-8', `${text}\n`);
}

function answer(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', connection: 'close' });
  response.end(body);
}
