import { test } from 'uvu';
import { runScript } from './script.ts';

const OPEN = `
    0      c S 0 ws=7            | began
    0.01   s SA 0:1 ws=7         |
    0.02   c A 1:1               |
    0.03   s A 1:1               |`;

test('a retransmitted byte counts once', () => {
  runScript(`${OPEN}
    1      c PA 1:1 +10          |
    1.2    c PA 1:1 +10          |
    1.4    c PA 1:1 +15          |
    1.5    c PA 6:1 +10          |
    1.6    c PA 11:1 +2          |
    2      stop                  | end stopped by c 15/0, forgotten
  `);
});

test('segments out of order', () => {
  runScript(`${OPEN}
    1      c A 11:1 +10          |
    1.1    c A 1:1 +10           |
    1.2    c A 31:1 +10          |
    1.3    c A 21:1 +10          |
    1.4    s A 1:41              |
    2      stop                  | end stopped by c 40/0, forgotten
  `);
});

test('bytes that the capture lost count when they are acknowledged or passed over', () => {
  runScript(`${OPEN}
    1      s A 1:101             |
    1.1    c A 201:1 +10         |
    2      stop                  | end stopped by c 210/0, forgotten
  `);
});

test('bytes beyond the window of the other side are none of the stream', () => {
  runScript(`${OPEN}
    1      c A 9000001:1 +10     |
    1.1    c A 1:1 +5            |
    1.2    s A 1:1200000000      |
    2      c A 6:1 +5            |
    2.1    c A 11:3000000000     |
    2.2    s A 1:11 +7           |
    3      stop                  | end stopped by c 10/7, forgotten
  `);
});

test('a FIN that was acknowledged before it was seen is no byte', () => {
  runScript(`${OPEN}
    1      c PA 1:1 +10          |
    1.1    s A 1:12              |
    1.2    c FA 11:1             |
    1.3    s FA 1:12             | end fin by c 10/0
  `);
});

test('bytes before a FIN that were not seen', () => {
  runScript(`${OPEN}
    1      c FA 101:1            |
    1.1    s A 1:102             |
    1.2    s FA 1:102            | end fin by c 100/0
  `);
});

test('more than 4 GiB', () => {
  // four steps of 600 MB, acknowledged: a view that lost the data, round the sequence space and on
  const step = 600_000_000;
  const lines: string[] = [];
  for (let n = 1; n <= 10; n++) lines.push(`${n} s A 1:${1 + n * step} |`);
  runScript(`${OPEN}
    ${lines.join('\n')}
    20     c PA ${1 + 10 * step}:1 +7   |
    21     s FA 1:${8 + 10 * step}      |
    22     c FA ${8 + 10 * step}:2      | end fin by s ${10 * step + 7}/0
  `);
});

test('frames beyond 64 KiB', () => {
  runScript(`${OPEN}
    1      c A 1:1 +65483        |
    1.1    c A 65484:1 +524288   |
    2      stop                  | end stopped by c 589771/0, forgotten
  `);
});

test('keep-alive probes with a byte, and probes of a closed window', () => {
  runScript(`${OPEN}
    1      c A 1:1 +100          |
    1.1    s A 1:101 w=0         |
    2      c A 101:1 +1          |
    2.1    s A 1:101 w=0         |
    50     c A 100:1 +1          |
    50.1   s A 1:101 w=0         |
    60     c A 101:1 +1          |
    60.1   s A 1:102 w=100       |
    61     stop                  | end stopped by c 101/0, forgotten
  `);
});

test.run();
