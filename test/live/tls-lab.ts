import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespace } from '../lab/namespace.ts';
import { followTls, readPcap, type Segment, type TlsConnection } from '../protocols/tls/tls-driver.ts';
import { makeCertificates } from './certificates.ts';
import { captureLoopback } from './loopback-capture.ts';
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
    await captureLoopback(this.#namespace, pcap, `port ${lab.port}`, ['-B', '65536'], () =>
      runScenario(scenario, lab, this.#namespace, this.#namespace, count),
    );
    const isOfScenario = (end: string) => end.endsWith(`:${lab.port}`);
    return readPcap(readFileSync(pcap)).filter(({ source, destination }) => [source, destination].some(isOfScenario));
  }

  close(): void {
    this.#namespace.remove();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
