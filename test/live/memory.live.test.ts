import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memory } from '../stress/memory.ts';

const test = suite('Memory within the limit of a container');

test('two sessions, floods, scans and storms of resets within 256 MiB: nothing is killed, events are told meanwhile', async () => {
  const report = await memory({
    name: 'slice',
    limitMib: 256,
    sessions: 2,
    syns: 150_000,
    ports: 10_000,
    alerts: 10_000,
    trafficMb: 5,
    atOnce: 2,
  });
  const text = JSON.stringify(report);
  assert.ok(report.survived, text);
  const limitMib = (report.metrics['dlltagent_memory_limit_bytes'] ?? 0) / (1 << 20);
  assert.ok(limitMib > 220 && limitMib < 240, `nine tenths of the container's limit: ${text}`);
  // the account is corrected once a second by what is resident: between two looks that may be some MiB more
  assert.ok(report.peakResidentMib < 256, text);
  assert.ok(report.peakChargedMib < limitMib, text);
  assert.ok((report.metrics['dlltagent_memory_gave_way_total table'] ?? 0) > 0, 'it was short');
  assert.is(report.told, report.asked, text);
});

test.run();
