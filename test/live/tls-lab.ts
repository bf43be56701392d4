import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { followTls, readPcap, type Segment, type TlsConnection } from '../track/tls/tls-driver.ts';

/** What a scenario needs to know to write its command lines. */
export interface LabFiles {
  readonly dir: string;
  readonly port: number;
}

/** Two real programs that speak TLS with each other. */
export interface Scenario {
  readonly name: string;
  readonly server: (lab: LabFiles) => readonly string[];
  readonly client: (lab: LabFiles) => readonly string[];
  /** A first client whose connection is looked at like the others: it fetches the session that is taken up. */
  readonly first?: (lab: LabFiles) => readonly string[];
  /** What goes to the client's standard input; kept open for a moment when it is not empty. */
  readonly input?: string;
  /** Connections made by one run of the client. */
  readonly connectionsPerRun?: number;
}

const EXTENSIONS = `[req]
distinguished_name=dn
[dn]
[ca_ext]
basicConstraints=critical,CA:TRUE
[leaf]
subjectAltName=DNS:shop.example,DNS:localhost,IP:127.0.0.1
[ca]
default_ca=it
[it]
database=index.txt
serial=serial
new_certs_dir=.
default_md=sha256
policy=any
email_in_dn=no
[any]
commonName=supplied
`;

/** A network namespace with loopback of a real MTU, certificates of all kinds, and a capture around each scenario. */
export class TlsLab {
  readonly dir = mkdtempSync(join(tmpdir(), 'tls-lab-'));
  readonly #namespace = `tls-lab-${process.pid}`;
  #port = 20000;

  constructor() {
    const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: this.dir, stdio: 'pipe' });
    run('ip', 'netns', 'add', this.#namespace);
    run('ip', '-n', this.#namespace, 'link', 'set', 'lo', 'mtu', '1500', 'up');
    writeFileSync(join(this.dir, 'x.cnf'), EXTENSIONS);
    writeFileSync(join(this.dir, 'index.txt'), '');
    writeFileSync(join(this.dir, 'serial'), '1000');
    writeFileSync(join(this.dir, 'request.txt'), 'GET / HTTP/1.0\r\n\r\n');
    const request = (name: string, subject: string, ...more: string[]) =>
      run('openssl', 'req', '-config', 'x.cnf', '-nodes', '-keyout', `${name}.key`, '-subj', subject, ...more);
    const rsa = ['-newkey', 'rsa:2048'];
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    for (const name of ['ca', 'other']) {
      request(
        name,
        `/CN=${name} root`,
        ...rsa,
        '-x509',
        '-days',
        '7300',
        '-extensions',
        'ca_ext',
        '-out',
        `${name}.pem`,
      );
    }
    request('self', '/CN=shop.example', ...ec, '-x509', '-days', '7300', '-extensions', 'leaf', '-out', 'self.pem');
    const leaf = (name: string, ca: string, key: string[], start: string, end: string) => {
      request(name, `/CN=${name}.example`, ...key, '-new', '-out', `${name}.csr`);
      const signer = ['-cert', `${ca}.pem`, '-keyfile', `${ca}.key`, '-extensions', 'leaf'];
      const dates = ['-startdate', start, '-enddate', end];
      run(
        'openssl',
        'ca',
        '-batch',
        '-config',
        'x.cnf',
        '-in',
        `${name}.csr`,
        '-out',
        `${name}.pem`,
        '-notext',
        ...signer,
        ...dates,
      );
    };
    leaf('rsa', 'ca', rsa, '20200101000000Z', '20440101000000Z');
    leaf('ecdsa', 'ca', ec, '20200101000000Z', '20440101000000Z');
    leaf('expired', 'ca', rsa, '20200101000000Z', '20210101000000Z');
    leaf('client', 'ca', rsa, '20200101000000Z', '20440101000000Z');
    leaf('stranger', 'other', ec, '20200101000000Z', '20440101000000Z');
  }

  /** Runs a scenario's client `count` times and reads what was captured of it. */
  async run(scenario: Scenario, count: number): Promise<TlsConnection[]> {
    return followTls(await this.capture(scenario, count));
  }

  /** Runs a scenario's client `count` times: the segments of all its connections. */
  async capture(scenario: Scenario, count: number): Promise<Segment[]> {
    const lab = { dir: this.dir, port: this.#port++ };
    const pcap = join(this.dir, `${lab.port}.pcap`);
    const capture = this.#spawn([
      'tcpdump',
      '-i',
      'lo',
      '-U',
      '-Z',
      'root',
      '--immediate-mode',
      '-B',
      '65536',
      '-w',
      pcap,
      'port',
      String(lab.port),
    ]);
    await untilSaid(capture, 'listening on');
    const server = this.#spawn(scenario.server(lab));
    await this.#untilListening(lab.port, server);
    if (scenario.first !== undefined) await this.#runClient(scenario.first(lab), 'GET / HTTP/1.0\r\n\r\n');
    let left = count;
    const worker = async () => {
      while (left-- > 0) await this.#runClient(scenario.client(lab), scenario.input ?? '');
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    await untilStill(pcap); // the last packets may still be on their way into the file
    server.kill('SIGKILL');
    await untilStill(pcap);
    capture.kill('SIGINT');
    await new Promise((resolve) => capture.once('exit', resolve));
    return readPcap(readFileSync(pcap));
  }

  close(): void {
    spawnSync('ip', ['netns', 'del', this.#namespace]);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #spawn(command: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.#namespace, ...command], { cwd: this.dir, stdio: 'pipe' });
    child.stdout?.resume();
    child.on('error', () => undefined);
    return child;
  }

  async #runClient(command: readonly string[], input: string): Promise<void> {
    const child = this.#spawn(command);
    child.stderr?.resume();
    child.stdin?.on('error', () => undefined);
    if (input === '') child.stdin?.end();
    else child.stdin?.write(input);
    const timer = setTimeout(() => child.stdin?.end(), 1000);
    await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
  }

  async #untilListening(port: number, server: ChildProcess): Promise<void> {
    let said = '';
    server.stderr?.on('data', (data) => {
      said += data;
    });
    for (let i = 0; i < 250; i++) {
      const listening = execFileSync('ip', ['netns', 'exec', this.#namespace, 'ss', '-Hltn', `sport = :${port}`]);
      if (listening.length > 0) return;
      if (server.exitCode !== null) break;
      await sleep(20);
    }
    throw new Error(`Cannot start the server on port ${port}: ${said}`);
  }
}

function untilSaid(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (data) => {
      said += data;
      if (said.includes(text)) resolve();
    });
    child.once('exit', () => reject(new Error(`Cannot wait for "${text}": ${said}`)));
  });
}

/** Resolves when a file has not grown for a moment. */
async function untilStill(path: string): Promise<void> {
  for (let size = -1, now = statSync(path).size; now !== size; now = statSync(path).size) {
    size = now;
    await sleep(60);
  }
}
