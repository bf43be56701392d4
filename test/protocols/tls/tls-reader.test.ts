import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Listener, listen, parseDialogue, type Step } from './dialogue.ts';
import { recordedHandshakes } from './recorded-handshakes.ts';

const test = suite('TlsReader');

const wants: Readonly<Record<string, string>> = {
  'TLS 1.0': 'completed 769',
  'TLS 1.2 ECDHE-ECDSA-AES128-CCM': 'completed 771',
  'TLS 1.2 session ticket': 'completed 771 resumed',
  'TLS 1.2 client certificate': 'completed 771',
  'TLS 1.3 TLS_AES_128_GCM_SHA256': 'completed 772',
  'TLS 1.3 TLS_AES_128_CCM_8_SHA256': 'completed 772',
  'TLS 1.3 client certificate': 'completed 772',
  'TLS 1.3 client certificate asked for and not sent': 'completed 772',
  'TLS 1.3 session ticket': 'completed 772 resumed',
  'TLS 1.3 early data accepted': 'completed 772 resumed',
  'TLS 1.3 HelloRetryRequest': 'completed 772',
  'TLS 1.2 unknown CA': 'alert 560 by 0',
  'TLS 1.3 unknown CA': 'alert 560 by 0',
  'TLS 1.3 client certificate missing': 'alert 767 by 1 clientCertificateMissing inferred',
  'TLS 1.3 client certificate of a stranger': 'alert 767 by 1 clientCertificateRejected inferred',
  'TLS 1.2 no common cipher': 'alert 552 by 1',
};

function recorded(name: string): Step[] {
  return parseDialogue(recordedHandshakes[name] ?? []);
}

/** The steps with neighbours of one side made one. */
function coalesced(steps: readonly Step[]): Step[] {
  const joined: Step[] = [];
  for (const step of steps) {
    const last = joined.at(-1);
    if (last !== undefined && 'bytes' in last && 'bytes' in step && last.side === step.side) {
      joined[joined.length - 1] = { side: step.side, bytes: Buffer.concat([last.bytes, step.bytes]) };
    } else {
      joined.push(step);
    }
  }
  return joined;
}

function totalBytes(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + ('bytes' in step ? step.bytes.length : 0), 0);
}

/** The steps up to byte `at` of all; and the rest, when wanted. */
function cut(steps: readonly Step[], at: number, withRest: boolean): Step[] {
  const result: Step[] = [];
  let left = at;
  for (const step of steps) {
    if (!('bytes' in step) || left <= 0 || left >= step.bytes.length) {
      if (left <= 0 && !withRest) break;
      result.push(step);
      left -= 'bytes' in step ? step.bytes.length : 0;
      continue;
    }
    result.push({ side: step.side, bytes: step.bytes.slice(0, left) });
    if (!withRest) break;
    result.push({ side: step.side, bytes: step.bytes.slice(left) });
    left = 0;
  }
  return result;
}

test('every recorded handshake has its expectation', () => {
  assert.equal(Object.keys(recordedHandshakes).sort(), Object.keys(wants).sort());
});

for (const [name, want] of Object.entries(wants)) {
  test(`${name}: as recorded, coalesced, and byte by byte`, () => {
    const steps = recorded(name);
    assert.is(listen(steps).said, want);
    assert.is(listen(coalesced(steps)).said, want);
    const bytes = steps.flatMap((step): Step[] =>
      'bytes' in step ? Array.from(step.bytes, (byte) => ({ side: step.side, bytes: Uint8Array.of(byte) })) : [step],
    );
    assert.is(listen(bytes).said, want);
  });

  test(`${name}: split at every byte`, () => {
    const steps = recorded(name);
    for (let at = 1; at < totalBytes(steps); at++) assert.is(listen(cut(steps, at, true)).said, want, `at ${at}`);
  });

  test(`${name}: cut off at every byte, then both sides closed`, () => {
    const steps = recorded(name);
    const total = totalBytes(steps);
    for (let at = 0; at < total; at++) {
      for (const end of ['FIN', 'RST'] as const) {
        // Who closes before the server has judged the client's certificate leaves it open: that is said as a doubt.
        const { said } = listen([...cut(steps, at, false), { side: 0, end }, { side: 1, end }]);
        assert.ok(
          said === '' ||
            said === 'abandoned' ||
            said === want ||
            said === `${want} doubtful` ||
            said === 'completed 772 doubtful',
          `${end} at ${at}: ${said}`,
        );
        if (at < total / 2)
          assert.ok(said === '' || (said === 'abandoned' && end === 'FIN'), `${end} at ${at}: ${said}`);
      }
    }
  });

  test(`${name}: any piece not captured, and nothing false is said`, () => {
    const steps = recorded(name);
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i];
      if (step === undefined || !('bytes' in step)) continue;
      for (const part of [step.bytes.length, step.bytes.length >> 1, 3]) {
        const gap = [
          { side: step.side, gap: part },
          { side: step.side, bytes: step.bytes.slice(part) },
        ];
        const { said } = listen([...steps.slice(0, i), ...gap, ...steps.slice(i + 1)]);
        const expected = ['', want, `${want} doubtful`, `${want.replace(' resumed', '')} doubtful`];
        assert.ok(expected.includes(said), `${part} bytes of step ${i}: ${said}`);
      }
    }
  });
}

test('says of a session what is in clear', () => {
  const completed = listen(recorded('TLS 1.2 ECDHE-ECDSA-AES128-CCM')).signals[0];
  assert.is(completed?.kind, 'completed');
  const session = completed?.session;
  assert.is(session?.serverName, 'shop.example');
  assert.is(session?.cipherSuiteName, 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM');
  assert.equal(session?.offeredVersions, [772, 771, 770, 769]);
  assert.is(session?.serverChain?.leaf.fields?.subject, 'CN=ecdsa.example');
  assert.is(session?.serverChain?.leaf.fields?.issuer, 'CN=ca root');
  assert.is(session?.serverChain?.leaf.isFor('shop.example'), true);
  assert.is(session?.serverChain?.leaf.isFor('other.example'), false);
  assert.is(completed?.kind === 'completed' && completed.handshakeUs, 300);
});

test('says of a TLS 1.3 session what can be concluded', () => {
  const { session } = listen(recorded('TLS 1.3 client certificate')).reader;
  assert.is(session?.clientCertificateRequested, true);
  assert.is(session?.clientCertificateSent, true);
  assert.is(listen(recorded('TLS 1.3 early data accepted')).reader.session?.earlyDataOffered, true);
  assert.is(listen(recorded('TLS 1.3 HelloRetryRequest')).reader.session?.helloRetried, true);
});

test('needs nothing more once it is done, and says who sent the alert', () => {
  const good = listen(recorded('TLS 1.2 ECDHE-ECDSA-AES128-CCM')).reader;
  assert.is(good.wantsBytes, false);
  assert.is(good.isTls, true);
  assert.is(good.connectionType, 1);
  assert.is(good.fatalAlertBy, -1);
  assert.is(listen(recorded('TLS 1.3 unknown CA')).reader.fatalAlertBy, 0);
  assert.is(listen(recorded('TLS 1.2 no common cipher')).reader.fatalAlertBy, 1);
});

test('a client that sends an encrypted alert in place of its Finished', () => {
  for (const [name, length] of [
    ['TLS 1.3 TLS_AES_128_GCM_SHA256', 19],
    ['TLS 1.3 TLS_AES_128_CCM_8_SHA256', 11],
  ] as const) {
    const [hello, flight] = recorded(name);
    const alert = {
      side: 0 as const,
      bytes: Uint8Array.of(20, 3, 3, 0, 1, 1, 23, 3, 3, 0, length, ...new Uint8Array(length)),
    };
    assert.is(listen([hello as Step, flight as Step, alert]).said, 'alert 767 by 0 serverCertificateRejected inferred');
  }
});

test('keeps working when a session ends within the record that completes it', () => {
  const listener = new Listener();
  for (const step of recorded('TLS 1.0')) listener.step(step);
  listener.step({ side: 0, bytes: Uint8Array.of(99, 99, 99, 99, 99) });
  listener.step({ side: 1, gap: 5 });
  listener.step({ side: 1, end: 'RST' });
  assert.is(listener.said, 'completed 769');
});

test.run();
