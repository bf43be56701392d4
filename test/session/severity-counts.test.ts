import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { interfaceGone } from '../../src/detect/interface-gone.ts';
import { SeverityCounts } from '../../src/session/severity-counts.ts';
import type { TrackedConnection } from '../../src/track/tracked-connection.ts';
import { sampleConnection } from '../output/sample-connection.ts';

const test = suite('severity counts');

const connection = (change: object = {}) =>
  ({ ...sampleConnection(), isResetByInitiator: false, ...change }) as unknown as TrackedConnection;

test('each occurrence counts once, by the severity of the diagnosis', () => {
  const counts = new SeverityCounts();
  for (let n = 0; n < 226; n++) counts.occurred('TCP_SYN_RESET', 'tcp.refused.nobody-listens', connection());
  counts.occurred('TCP_RESET_ABNORMAL', 'tcp.reset.many', connection()); // of the same resets
  counts.occurred('TCP_RESET', 'tcp.reset.aborted', connection({ isResetByInitiator: true }));
  counts.occurred('TCP_RESET', 'tcp.reset.aborted', connection());
  counts.occurred('NO_ANSWER', 'answer.client-gave-up', connection({ certain: false }));
  counts.occurred('TCP_ESTABLISHED_STALE', 'tcp.stale.idle', connection());
  counts.occurred('TCP_IS_TLS', 'tls.established', connection());
  counts.event(interfaceGone(5, 'veth1', 0));
  assert.equal(counts.counts, { broken: 228, suspicious: 2, 'worth knowing': 1 });
});

test.run();
