import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TlsConnection } from '../protocols/tls/tls-driver.ts';
import { TlsLab } from './tls-lab.ts';
import { failingScenarios, goodScenarios } from './tls-scenarios.ts';

const test = suite('TLS between real programs');
/** Runs of each client: a few in the test, a thousand when somebody asks (`TLS_LIVE_RUNS=1000`). */
const runs = Number(process.env['TLS_LIVE_RUNS'] ?? 4);
const only = process.env['TLS_LIVE_ONLY'] ?? '';

const missing = ['ip', 'tcpdump', 'openssl', 'curl'].filter((tool) => spawnSync('which', [tool]).status !== 0);
if (process.getuid?.() !== 0 || missing.length > 0) {
  console.log(`left out: TLS between real programs needs root${missing.map((tool) => `, ${tool}`).join('')}`);
  test('left out', () => undefined);
} else {
  const lab = new TlsLab();
  test.after(() => lab.close());
  for (const scenario of goodScenarios.filter(({ name }) => name.includes(only))) {
    test(`good: ${scenario.name}`, async () => {
      const count = Math.ceil(runs / (scenario.connectionsPerRun ?? 1));
      const connections = await lab.run(scenario, count);
      const first = scenario.first === undefined ? 0 : 1;
      assert.is(connections.length, first + count * (scenario.connectionsPerRun ?? 1));
      for (const [i, connection] of connections.entries()) {
        assert.is(shown(connection), `completed ${scenario.version}`, `connection ${i} of ${connections.length}`);
        const { session } = connection.reader;
        if (i >= first) assert.is(session?.resumed, scenario.resumed ?? false);
      }
    });
  }
  for (const scenario of failingScenarios.filter(({ name }) => name.includes(only))) {
    test(`failing: ${scenario.name}`, async () => {
      const connections = await lab.run(scenario, runs);
      assert.is(connections.length, runs);
      const allowed = scenario.values.map((value) => `alert ${value} by ${scenario.side}`);
      for (const connection of connections) {
        assert.ok(allowed.includes(shown(connection)), `${shown(connection) || 'nothing'}, not ${allowed}`);
      }
    });
  }
}

function shown({ signals }: TlsConnection): string {
  return signals
    .map((signal) => {
      if (signal.kind === 'completed') return `completed ${signal.session.version}`;
      if (signal.kind === 'alert') return `alert ${signal.value} by ${signal.side}`;
      if (signal.kind === 'abandoned') return 'abandoned';
      return `violation ${signal.violation} ${signal.value} by ${signal.side}`;
    })
    .join(', ');
}

test.run();
