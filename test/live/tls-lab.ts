import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Namespace } from '../lab/namespace.ts';
import { followTls, readPcap, type Segment, type TlsConnection } from '../track/tls/tls-driver.ts';
import { makeCertificates } from './certificates.ts';
import { runScenario, type Scenario } from './tls-scenario.ts';

/** A network namespace with loopback of a real MTU, certificates of all kinds, and a capture around each scenario. */
export class TlsLab {
  readonly dir = mkdtempSync(join(tmpdir(), 'tls-lab-'));
  readonly #namespace = new Namespace('tls');
  #port = 20000;

  constructor() {
    this.#namespace.run('ip', 'link', 'set', 'lo', 'mtu', '1500');
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
    const options = ['-i', 'lo', '-U', '-Z', 'root', '--immediate-mode', '-B', '65536'];
    const capture = this.#namespace.spawn(['tcpdump', ...options, '-w', pcap, `port ${lab.port}`]);
    await capture.waitForOutput(/listening on/);
    await runScenario(scenario, lab, this.#namespace, this.#namespace, count);
    await untilStill(pcap); // the last packets may still be on their way into the file
    await capture.stop('SIGINT');
    return readPcap(readFileSync(pcap));
  }

  close(): void {
    this.#namespace.remove();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Resolves when a file has not grown for a moment. */
async function untilStill(path: string): Promise<void> {
  for (let size = -1, now = statSync(path).size; now !== size; now = statSync(path).size) {
    size = now;
    await sleep(60);
  }
}
