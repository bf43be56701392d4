import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runScript } from './script.ts';

const OPEN = `
    0      c S 0                 | began
    0.01   s SA 0:1              |
    0.02   c A 1:1               |`;

test('a clock that is set forward makes nothing stale, and nothing end before it began', () => {
  runScript(`${OPEN}
    1      c PA 1:1 +10          |
    1.1    s A 1:11              |
    3601   clock+3600            |
    3602   tick                  |
    3602.1 s PA 1:11 +10         |
    3602.2 c A 11:11             |
    3781   tick                  |
    3782.3 tick                  | stale @3782.1
    3790   c R 11                | reset by c in phase 2, end reset by c 10/10
  `);
});

test('a clock that is set back lets waiting take as long as before', () => {
  const [ending] = runScript(`
    4000   c S 0                 | began
    4000.5 s SA 0:1              |
    400.6  clock-3600            |
    400.7  c A 1:1               |
    401    c PA 1:1 +10          |
    402    s PA 1:11 +5          |
    403    c FA 11:6             |
    403.1  s FA 6:12             | end fin by c 10/5
  `);
  assert.equal(
    [ending?.synAckLatencyUs, ending?.ackLatencyUs, ending?.firstByteLatencyUs],
    [500_000, 200_000, 1_000_000],
  );
});

test('a SYN that waits for its answer waits on', () => {
  runScript(`
    0      c S 0                 | began
    2010   clock+2000            |
    2029   tick                  |
    2030.2 tick                  | half-open 0 @2030
  `);
});

test.run();
