// How long the two lines of a connection take: node build/bench/line-speed.js
import { appendEndFlow } from '../src/output/end-flow-file.ts';
import { appendFlow } from '../src/output/flow-file.ts';
import { LineBuffer } from '../src/output/line-buffer.ts';
import { sampleConnection } from '../test/output/sample-connection.ts';

const ROUNDS = 12;
const CONNECTIONS = 200_000;
const process = { pid: 20_413, ppid: 1, uid: 1000, name: 'nginx', commandLine: '' };
const mapped = [0x20010db8, 0, 0, 0x11];
const samples = {
  IPv4: sampleConnection({ process }),
  IPv6: sampleConnection({ process, ipVersion: 6 }, [mapped, mapped]),
};

for (const [name, connection] of Object.entries(samples)) {
  let bestNs = Number.POSITIVE_INFINITY;
  let line = new LineBuffer();
  for (let round = 0; round < ROUNDS; round++) {
    line = new LineBuffer(65_536);
    const begin = globalThis.process.hrtime.bigint();
    for (let i = 0; i < CONNECTIONS; i++) {
      if (line.length > 60_000) line.length = 0;
      appendFlow(line, connection, [], 'veth1a2b');
      line.newLine();
      appendEndFlow(line, connection);
      line.newLine();
    }
    bestNs = Math.min(bestNs, Number(globalThis.process.hrtime.bigint() - begin) / CONNECTIONS);
  }
  console.log(`${name}: ${bestNs.toFixed(0)} ns for a flows line and an end_flows line`);
}
