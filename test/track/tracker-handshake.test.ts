import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runScript } from './script.ts';

test('the handshake and its latencies', () => {
  const [ending] = runScript(`
    0      c S 0                 | began
    0.01   s SA 0:1              |
    0.0125 c A 1:1               |
    1      c R 1                 | reset by c in phase 2, end reset by c 0/0
  `);
  assert.is(ending?.synAckLatencyUs, 10_000);
  assert.is(ending?.ackLatencyUs, 2_500);
  assert.ok(ending?.certain);
});

test('latencies count from the first SYN and the first SYN-ACK', () => {
  const [ending] = runScript(`
    0      c S 0                 | began
    1      c S 0                 | repeat 1
    1.25   s SA 0:1              |
    2.25   s SA 0:1              |
    2.5    c A 1:1               |
    3      s R 1                 | reset by s in phase 2, end reset by s 0/0
  `);
  assert.is(ending?.synAckLatencyUs, 1_250_000);
  assert.is(ending?.ackLatencyUs, 1_250_000);
});

test('only SYNs before any SYN-ACK are repetitions', () => {
  runScript(`
    0      c S 0                 | began
    1      c S 0                 | repeat 1
    3      c S 0                 | repeat 2
    3.5    s SA 0:1              |
    7      c S 0                 |
    7.1    s SA 0:1              |
    7.2    c A 1:1               |
    8      c S 0                 |
    9      c R 1                 | reset by c in phase 2, end reset by c 0/0
    10     c S 0                 |
  `);
});

test('a SYN answered by RST is refused', () => {
  runScript(`
    0      c S 0                 | began
    0.001  s RA 0:1              | reset by s in phase 0, end reset by s 0/0
    0.002  s RA 0:1              |
    0.5    c S 0                 |
    0.6    c S 77                | forgotten, began
  `);
});

test('resets between SYN-ACK and ACK, by either side', () => {
  runScript(`
    0      c S 0                 | began
    0.001  s SA 0:1              |
    0.002  c R 1                 | reset by c in phase 1, end reset by c 0/0
  `);
  runScript(`
    0      c S 0                 | began
    0.001  s SA 0:1              |
    0.002  s R 1                 | reset by s in phase 1, end reset by s 0/0
  `);
});

test('RFC 9293 §3.5.1: a server that remembers an older connection is reset, and then the SYN is taken', () => {
  runScript(`
    0      c S 0                 | began
    0.01   s A 900000:700000     |
    0.02   c R 700000            |
    1      c S 0                 | repeat 1
    1.01   s SA 0:1              |
    1.02   c A 1:1               |
    2      c FA 1:1              |
    2.01   s FA 1:2              | end fin by c 0/0
  `);
});

test('a RST that acknowledges something else than the SYN is of an older connection', () => {
  runScript(`
    0      c S 0                 | began
    0.01   s RA 0:5000           |
    0.02   s RA 0:0              |
    0.03   s SA 0:1              |
    0.04   c A 1:1               |
    1      stop                  | end stopped by c 0/0, forgotten
  `);
});

test('a SYN-ACK that does not acknowledge the SYN is no answer', () => {
  runScript(`
    0      c S 0                 | began
    0.01   s SA 0:9000           |
    1      c S 0                 | repeat 1
    1.01   s SA 0:0              |
    3      c S 0                 | repeat 2
  `);
});

test('a SYN cookie that was made anew counts', () => {
  runScript(`
    0      c S 0                 | began
    0.01   s SA 8000:1           |
    1.01   s SA 0:1              |
    1.02   c A 1:1               |
    1.03   c A 1:1 +10           |
    1.04   s A 1:11 +20          |
    31     tick                  |
    31     stop                  | end stopped by c 10/20, forgotten
  `);
});

test('the handshake without its SYN-ACK, which the capture lost', () => {
  const [byClient] = runScript(`
    0      c S 0                 | began
    0.02   c A 1:1               |
    0.03   c PA 1:1 +5           |
    0.04   s A 1:6 +7            |
    1      c FA 6:8              |
    1.1    s FA 8:7              | end fin by c 5/7
  `);
  assert.is(byClient?.synAckLatencyUs, 0);
  assert.is(byClient?.ackLatencyUs, 0);
  assert.ok(byClient?.certain);
  runScript(`
    0      c S 0                 | began
    0.04   s PA 1:1 +7           |
    0.05   c A 1:8 +3            |
    1      stop                  | end stopped by c 3/7, forgotten
  `);
});

test('late segments of an older connection do not complete a handshake', () => {
  runScript(`
    0      c S 0                 | began
    0.01   c FA -90000:-70000    |
    0.02   s A -70000:-5         |
    0.03   s -  0                |
    30.2   tick                  | half-open 0 @30
  `);
});

test('half-open: value 0 and 1, each at its time, forgotten 130 s after the last packet', () => {
  runScript(`
    0      c S 0                 | began
    29.9   tick                  |
    30.2   tick                  | half-open 0 @30
    129.9  tick                  |
    130.2  tick                  | end halfOpen by c 0/0 @130
    190.2  tick                  | forgotten
  `);
  const [answered] = runScript(`
    0      c S 0                 | began
    0.5    s SA 0:1              |
    30     c S 0                 | half-open 1
    159.9  tick                  |
    160.2  tick                  | end halfOpen by c 0/0 @160
  `);
  assert.is(answered?.synAckLatencyUs, 500_000);
  assert.is(answered?.ackLatencyUs, 0);
});

test('later SYNs of a half-open connection still count, and keep it', () => {
  const [ending] = runScript(`
    0      c S 0                 | began
    1      c S 0                 | repeat 1
    30.5   tick                  | half-open 0 @30
    31     c S 0                 | repeat 2
    63     c S 0                 | repeat 3
    127    c S 0                 | repeat 4
    250    tick                  |
    257    c S 0                 | end halfOpen by c 0/0
    300    tick                  |
    317.2  tick                  | forgotten
  `);
  assert.ok(ending?.certain, 'an unanswered SYN is not a view of one direction only');
});

test('a connection that was told half-open may still complete', () => {
  runScript(`
    0      c S 0                 | began
    30.5   tick                  | half-open 0 @30
    31     c S 0                 | repeat 1
    31.1   s SA 0:1              |
    31.2   c A 1:1               |
    211.3  tick                  | stale @211.2
  `);
});

test('HALF_OPEN_SECONDS beyond the time after which it is forgotten', () => {
  runScript(
    `
    0      c S 0                 | began
    299    tick                  |
    300.2  tick                  | half-open 0 @300, end halfOpen by c 0/0 @300
  `,
    { delays: { halfOpenSeconds: 300 } },
  );
});

test('a SYN with another ISN on a half-open pair begins a new connection', () => {
  runScript(`
    0      c S 0                 | began
    1      c S 50                | end halfOpen by c 0/0, forgotten, began
    1.1    s SA 0:51             |
    2      c S 99                | end halfOpen by c 0/0, forgotten, began
    2.1    s RA 0:100            | reset by s in phase 0, end reset by s 0/0
  `);
});

test('TCP Fast Open: data in the SYN, the answer before the last ACK', () => {
  const [ending] = runScript(`
    0      c S 0 +100            | began
    0.01   s SA 0:101            |
    0.02   s PA 1:101 +40        |
    0.03   c A 101:41            |
    0.04   c FA 101:41           |
    0.05   s FA 41:102           | end fin by c 100/40
  `);
  assert.is(ending?.ackLatencyUs, 20_000);
  // the server takes the SYN only, and its data is sent again
  runScript(`
    0      c S 0 +100            | began
    0.01   s SA 0:1              |
    0.02   c A 1:1               |
    0.02   c PA 1:1 +100         |
    0.03   s A 1:101             |
    1      stop                  | end stopped by c 100/0, forgotten
  `);
  // data in the SYN-ACK
  runScript(`
    0      c S 0 +10             | began
    0.01   s SA 0:11 +30         |
    0.02   c A 11:31             |
    1      stop                  | end stopped by c 10/30, forgotten
  `);
});

test('simultaneous open', () => {
  for (const answer of ['c SA 0:1', 'c A 1:1']) {
    runScript(`
      0      c S 0               | began
      0.01   s S 0               |
      0.02   s SA 0:1            |
      0.02   ${answer}           |
      0.03   c A 1:1 +10         |
      0.04   s A 1:11 +20        |
      0.05   c A 11:21           |
      1      c FA 11:21          |
      1.1    s FA 21:12          | end fin by c 10/20
    `);
  }
});

test('a window shift counts only when both sides offer one', () => {
  // 64 KiB and some slack is all the server can take: bytes far ahead are none of this connection
  const far = (shifts: readonly [string, string], end: string) =>
    runScript(`
      0      c S 0 ${shifts[0]}       | began
      0.01   s SA 0:1 ${shifts[1]}    |
      0.02   c A 1:1                  |
      0.03   s A 1:1                  |
      0.04   c A 500001:1 +10         |
      1      stop                     | end stopped by c ${end}/0, forgotten
    `);
  far(['ws=7', 'ws=7'], '500010');
  far(['', ''], '0');
  far(['ws=7', ''], '0');
  far(['', 'ws=7'], '0');
});

test.run();
