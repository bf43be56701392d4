import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { followTls, readPcap, type Segment, type TlsConnection } from '../track/tls/tls-driver.ts';
import { makeCertificates } from './certificates.ts';
import type { Scenario } from './tls-scenario.ts';

/** A network namespace with loopback of a real MTU, certificates of all kinds, and a capture around each scenario. */
export class TlsLab {
  readonly dir = mkdtempSync(join(tmpdir(), 'tls-lab-'));
  readonly #namespace = `tls-lab-${process.pid}`;
  #port = 20000;

  constructor() {
    const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: this.dir, stdio: 'pipe' });
    run('ip', 'netns', 'add', this.#namespace);
    run('ip', '-n', this.#namespace, 'link', 'set', 'lo', 'mtu', '1500', 'up');
    makeCertificates(this.dir);
  }

  /** Runs a scenario's client `count` times and reads what was captured of it. */
  async run(scenario: Scenario, count: number): Promise<TlsConnection[]> {
    return followTls(await this.capture(scenario, count));
  }

  /** Runs a scenario's client `count` times: the segments of all its connections. */
  async capture(scenario: Scenario, count: number): Promise<Segment[]> {
    const lab = { dir: this.dir, address: '127.0.0.1', port: this.#port++ };
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
