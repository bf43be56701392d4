import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runScript } from './script.ts';

const test = suite('first byte');

const OPEN = `
    0      c S 0                 | began
    0.01   s SA 0:1              |
    0.02   c A 1:1               |`;

/** Lines after the handshake, and how long the first byte took in microseconds; 0: unknown. */
const CASES = [
  {
    name: 'the client speaks first',
    script: `${OPEN}
    1      c PA 1:1 +100         |
    1.001  s A 1:101             |
    1.25   s PA 1:101 +500       |
    1.26   c A 101:501           |
    2      c PA 101:501 +100     |
    5      s PA 501:201 +500     |
    9      stop                  | end stopped by c 200/1000, forgotten`,
    wantUs: 250_000,
  },
  {
    name: 'the server speaks first: from the end of the handshake',
    script: `${OPEN}
    0.32   s PA 1:1 +40          |
    0.33   c PA 1:41 +10         |
    0.4    s PA 41:11 +10        |
    9      stop                  | end stopped by c 10/50, forgotten`,
    wantUs: 300_000,
  },
  {
    name: 'a request in several segments counts from its first',
    script: `${OPEN}
    1      c A 1:1 +1460         |
    1.2    c A 1461:1 +1460      |
    1.4    c PA 2921:1 +80       |
    1.5    s PA 1:3001 +10       |
    9      stop                  | end stopped by c 3000/10, forgotten`,
    wantUs: 500_000,
  },
  {
    name: 'a request sent again counts from the first time',
    script: `${OPEN}
    1      c PA 1:1 +100         |
    1.2    c PA 1:1 +100         |
    1.6    c PA 1:1 +100         |
    1.75   s PA 1:101 +10        |
    1.8    s PA 1:101 +10        |
    9      stop                  | end stopped by c 100/10, forgotten`,
    wantUs: 750_000,
  },
  {
    name: 'a keep-alive probe is no byte',
    script: `${OPEN}
    1      c A 0:1 +1            |
    1.1    s A 1:1               |
    2      c PA 1:1 +100         |
    2.5    s PA 1:101 +10        |
    9      stop                  | end stopped by c 100/10, forgotten`,
    wantUs: 500_000,
  },
  {
    name: 'the request completes the handshake',
    script: `
    0      c S 0                 | began
    0.01   s SA 0:1              |
    0.02   c PA 1:1 +100         |
    0.5    s PA 1:101 +10        |
    9      stop                  | end stopped by c 100/10, forgotten`,
    wantUs: 480_000,
  },
  {
    name: 'TCP Fast Open: the request is in the SYN, the answer before the last ACK',
    script: `
    0      c S 0 +100            | began
    0.01   s SA 0:101            |
    0.02   s PA 1:101 +40        |
    0.03   c A 101:41            |
    9      stop                  | end stopped by c 100/40, forgotten`,
    wantUs: 20_000,
  },
  {
    name: 'no answer',
    script: `${OPEN}
    1      c PA 1:1 +100         |
    2      s A 1:101             |
    9      stop                  | end stopped by c 100/0, forgotten`,
    wantUs: 0,
  },
  {
    name: 'no word',
    script: `${OPEN}
    9      stop                  | end stopped by c 0/0, forgotten`,
    wantUs: 0,
  },
  {
    name: 'the request was not captured',
    script: `${OPEN}
    1.5    s PA 1:101 +10        |
    2      c PA 101:11 +100      |
    2.1    s PA 11:201 +10       |
    9      stop                  | end stopped by c 200/20, forgotten`,
    wantUs: 0,
  },
  {
    name: 'the beginning of the request was not captured',
    script: `${OPEN}
    1      c PA 1461:1 +40       |
    1.5    s PA 1:1501 +10       |
    9      stop                  | end stopped by c 1500/10, forgotten`,
    wantUs: 0,
  },
  {
    name: 'the beginning of the answer was not captured',
    script: `${OPEN}
    1      c PA 1:1 +100         |
    1.5    s PA 1461:101 +40     |
    9      stop                  | end stopped by c 100/1500, forgotten`,
    wantUs: 0,
  },
  {
    name: 'the answer was not captured, but what acknowledges it',
    script: `${OPEN}
    1      c PA 1:1 +100         |
    1.5    c A 101:1501          |
    2      s PA 1501:101 +40     |
    9      stop                  | end stopped by c 100/1540, forgotten`,
    wantUs: 0,
  },
  {
    name: 'the server speaks first, and the end of the handshake was not captured',
    script: `
    0      c S 0                 | began
    0.01   s SA 0:1              |
    0.3    s PA 1:1 +40          |
    0.4    c PA 1:41 +10         |
    0.5    s PA 41:11 +40        |
    9      stop                  | end stopped by c 10/80, forgotten`,
    wantUs: 0,
  },
  {
    name: 'without the SYN-ACK nobody knows where the server began',
    script: `
    0      c S 0                 | began
    0.02   c A 1:1               |
    1      c PA 1:1 +100         |
    1.5    s PA 1:101 +10        |
    9      stop                  | end stopped by c 100/10, forgotten`,
    wantUs: 0,
  },
  {
    name: 'one direction only: the client',
    script: `
    0      c S 0                 | began
    0.02   c A 1:1               |
    1      c PA 1:1 +100         |
    1.5    c A 101:11            |
    9      stop                  | end stopped by c 100/10, forgotten`,
    wantUs: 0,
  },
  {
    name: 'one direction only: the server',
    script: `
    0.01   s SA 0:1              | began midstream
    1      s A 1:101             |
    1.5    s PA 1:101 +10        |
    9      stop                  | end stopped by c 100/10, forgotten`,
    wantUs: 0,
  },
  {
    name: 'midstream',
    script: `
    0      c PA 1:1 +100         | began midstream
    0.5    s PA 1:101 +10        |
    9      stop                  | end stopped by c 100/10, forgotten`,
    wantUs: 0,
  },
  {
    name: 'a clock that was set back',
    script: `${OPEN}
    3      c PA 1:1 +100         |
    2      s PA 1:101 +10        |
    9      stop                  | end stopped by c 100/10, forgotten`,
    wantUs: 0,
  },
];

for (const { name, script, wantUs } of CASES) {
  test(name, () => assert.is(runScript(script)[0]?.firstByteLatencyUs, wantUs));
}

test('the next connection between the same endpoints has one of its own', () => {
  const endings = runScript(`${OPEN}
    1      c PA 1:1 +100         |
    1.25   s PA 1:101 +10        |
    2      c R 101               | reset by c in phase 2, end reset by c 100/10
    3      c S 500               | forgotten, began
    3.01   s SA 700:501          |
    3.02   c A 501:701           |
    9      stop                  | end stopped by c 0/0, forgotten
  `);
  assert.equal(
    endings.map(({ firstByteLatencyUs }) => firstByteLatencyUs),
    [250_000, 0],
  );
});

test.run();
