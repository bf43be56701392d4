import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runScript } from './script.ts';

test('first packet data: the lower port is the server', () => {
  const [ending] = runScript(`
    0      c PA 1:1 +10          | began midstream
    0.1    s PA 1:11 +20         |
    1      c FA 11:21            |
    1.1    s FA 21:12            | end fin by c 10/20
  `);
  assert.ok(ending?.midstream);
  assert.not(ending?.certain);
  assert.is(ending?.synAckLatencyUs, 0);
  runScript(`
    0      s PA 1:1 +20          | began midstream
    0.1    c A 1:21 +10          |
    1      stop                  | end stopped by c 10/20, forgotten
  `);
});

test('first packet ACK', () => {
  runScript(`
    0      c A 1:1               | began midstream
    0.1    s PA 1:1 +20          |
    0.2    c A 1:21              |
    1      s R 21                | reset by s in phase 2, end reset by s 0/20
  `);
});

test('first packet SYN-ACK: its sender is the server, whatever its port', () => {
  const [ending] = runScript(
    `
    0      s SA 0:1              | began midstream
    0.1    c A 1:1               |
    0.2    c A 1:1 +5            |
    0.3    s A 1:6 +8            |
    1      stop                  | end stopped by c 5/8, forgotten
  `,
    { serverPort: 50_000 },
  );
  assert.is(ending?.initiatorPort, 40_000);
  assert.is(ending?.ackLatencyUs, 0);
  runScript(`
    0      s SA 0:1 +30          | began midstream
    0.1    c A 1:31              |
    1      stop                  | end stopped by c 0/30, forgotten
  `);
});

test('first packet FIN', () => {
  runScript(`
    0      c FA 1:1              | began midstream
    0.1    s FA 1:2              | end fin by c 0/0
    0.2    c A 2:2               |
  `);
  // the FIN comes again after its acknowledgment was the first to be seen
  runScript(`
    0      s A 1:2               | began midstream
    0.1    c FA 1:1              |
    0.2    s FA 1:2              | end fin by c 0/0
  `);
});

test('a RST never begins a connection', () => {
  runScript(`
    0      c R 1                 |
    0.1    s RA 1:1              |
    0.2    c SR 1                |
    0.3    c S 7                 | began
  `);
});

test('a RST that was captured before the SYN it answers ends that', () => {
  runScript(`
    0      s RA 0:1              |
    0.1    c S 0                 | began, reset by s in phase 0, end reset by s 0/0
    3      s RA 0:101            |
    5      c2 S 100              | began #2
  `);
});

test('with equal ports the receiver of the first packet is the server', () => {
  for (const [first, port] of [
    ['c', 40_000],
    ['s', 40_000],
  ] as const) {
    const [ending] = runScript(
      `
    0      ${first} A 1:1        | began midstream from s
    1      stop                  | end stopped by c 0/0, forgotten
  `,
      { serverPort: port },
    );
    assert.is(ending?.initiatorPort, port);
  }
});

test('a scan without an ACK is a beginning, and says nothing of bytes', () => {
  runScript(`
    0      c FPU 1               | began midstream
    0.1    s RA 0:1              | reset by s in phase 2, end fin by c 0/0
  `);
  runScript(`
    0      c - 1                 | began midstream
    0.1    c A 1:1               |
    0.2    s A 1:1 +10           |
    0.3    c A 1:11 +10          |
    1      stop                  | end stopped by c 10/10, forgotten
  `);
});

test('it may go stale like any other', () => {
  runScript(`
    0      c A 1:1               | began midstream
    180.2  tick                  | stale @180
    600.2  tick                  | stale2 @600, end stale by c 0/0 @600
  `);
});

test.run();
