import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runScript } from './script.ts';

/** A handshake that takes no time to read. */
const OPEN = `
    0      c S 0                 | began
    0.01   s SA 0:1              |
    0.02   c A 1:1               |`;

test('both sides send FIN, either first', () => {
  runScript(`${OPEN}
    1      c FA 1:1              |
    1.1    s A 1:2               |
    1.2    s FA 1:2              | end fin by c 0/0
    1.3    c A 2:2               |
  `);
  runScript(`${OPEN}
    1      s FA 1:1              |
    1.1    c FA 1:2              | end fin by s 0/0
    1.2    s A 2:2               |
  `);
});

test('FINs with data, and FINs that cross each other', () => {
  runScript(`${OPEN}
    1      c FPA 1:1 +5          |
    1      s FPA 1:1 +7          | end fin by c 5/7
    1.1    c A 7:9               |
    1.1    s A 9:7               |
  `);
});

test('a half-closed connection lives on, and its other side may send for long', () => {
  runScript(`${OPEN}
    1      c FA 1:1              |
    1.1    s A 1:2               |
    400    s PA 1:2 +50          | half-closed @181
    400.1  c A 2:51              |
    900    s PA 51:2 +50         |
    1000   s FA 101:2            | end fin by c 0/100
  `);
});

test('a half-closed connection that is silent ends with FIN, without 00007 and 00008', () => {
  runScript(`${OPEN}
    1      c FA 1:1              |
    200    tick                  | half-closed @181
    601.3  tick                  | end fin by c 0/0 @601
    661.3  tick                  | forgotten
  `);
});

test('a FIN that is sent again, and a RST after FIN', () => {
  runScript(`${OPEN}
    1      c FA 1:1              |
    1.5    c FA 1:1              |
    2      s R 1                 | reset by s in phase 2, end fin by c 0/0
  `);
});

test('a FIN of an older connection is late', () => {
  runScript(`${OPEN}
    1      c PA 1:1 +100         |
    2      c FA 11:1             |
    2      c FA -900000:1        |
    2      c FA 900000:1         |
    3      s FA 1:101            |
    4      s R 2                 | reset by s in phase 2, end fin by s 100/0
  `);
});

test('a reset of an established connection', () => {
  runScript(`${OPEN}
    1      c PA 1:1 +10          |
    1.1    s RA 1:11             | reset by s in phase 2, end reset by s 10/0
    1.2    s RA 1:11             |
    1.3    c PA 11:1 +10         |
  `);
});

test('late segments within 60 s change nothing; after that they are of another connection', () => {
  runScript(`${OPEN}
    1      c FA 1:1              |
    1      s FA 1:2              | end fin by c 0/0
    1.1    c A 2:2               |
    30     s FA 1:2              |
    60     c PA 2:2 +10          |
    60.9   s PA 2:2 +10          |
    61     c PA 12:2 +10         | forgotten, began midstream
  `);
  runScript(`${OPEN}
    1      c R 1                 | reset by c in phase 2, end reset by c 0/0
    61     s RA 1:1              | forgotten
    61     stop                  |
  `);
});

test('the memory of a closed connection goes with time', () => {
  runScript(`${OPEN}
    1      c R 1                 | reset by c in phase 2, end reset by c 0/0
    60.9   tick                  |
    61     tick                  | forgotten
  `);
});

test('ports used again: a SYN with another ISN on a closed pair', () => {
  runScript(`${OPEN}
    1      c FA 1:1              |
    1      s FA 1:2              | end fin by c 0/0
    1.5    c S 0                 |
    2      c S 70000             | forgotten, began
    2.01   s SA 90000:70001      |
    2.02   c A 70001:90001       |
    2.03   s FA 1:2              |
    3      c PA 70001:90001 +5   |
    4      stop                  | end stopped by c 5/0, forgotten
  `);
});

test('ports used again when the FIN of the other side was not seen', () => {
  runScript(`${OPEN}
    1      c FA 1:1              |
    1.1    s A 1:2               |
    2      c S 0                 |
    2.1    s S 4000              |
    70     c S 5000              | end fin by c 0/0, forgotten, began
    70.1   s SA 9000:5001        |
    70.2   c A 5001:9001         |
    71     stop                  | end stopped by c 0/0, forgotten
  `);
});

test('ports used again in the other direction', () => {
  runScript(`${OPEN}
    1      c R 1                 | reset by c in phase 2, end reset by c 0/0
    2      s S 800               | forgotten, began from s
    2.1    c SA 900:801          |
    2.2    s A 801:901           |
    3      stop                  | end stopped by c 0/0, forgotten
  `);
});

test('SYNs on an established connection change nothing until it is closed', () => {
  runScript(`${OPEN}
    1      c S 5000              |
    1.01   s A 1:1               |
    1.02   c R 1                 | reset by c in phase 2, end reset by c 0/0
    2      c S 5000              | forgotten, began
    2.01   s SA 9000:5001        |
  `);
});

test('stop: open connections end, whatever is due comes first, closed ones are only forgotten', () => {
  runScript(`${OPEN}
    10     c2 S 0                | began #2
    10.1   s2 RA 0:1             | reset by s in phase 0 #2, end reset by s 0/0 #2
    10.2   c3 S 0                | began #3
    20     stop                  | end stopped by c 0/0, forgotten, end stopped by c 0/0 #3, forgotten, forgotten
  `);
  runScript(`${OPEN}
    10     c2 S 0                | began #2
    190    stop                  | stale @180.02, end stopped by c 0/0, forgotten, half-open 0 #2 @40, end halfOpen by c 0/0 #2 @140, forgotten
  `);
});

test('quality: midstream and one direction only are in doubt', () => {
  const certain = (script: string) => runScript(script).map((ending) => ending.certain);
  assert.equal(certain(`${OPEN}\n 1 stop | end stopped by c 0/0, forgotten`), [true]);
  assert.equal(certain('0 c S 0 | began\n 1 stop | end stopped by c 0/0, forgotten'), [true]);
  assert.equal(
    certain(`
    0      c S 0                 | began
    1      c A 1:1               |
    2      stop                  | end stopped by c 0/0, forgotten
  `),
    [false],
  );
  assert.equal(
    certain(`
    0      c A 1:1               | began midstream
    1      s A 1:1               |
    2      stop                  | end stopped by c 0/0, forgotten
  `),
    [false],
  );
});

test.run();
