import { test } from 'uvu';
import { runScript } from './script.ts';

const OPEN = `
    0      c S 0                 | began
    0.01   s SA 0:1              |
    0.02   c A 1:1               |`;

test('stale and stale2 at their times, when packets or only time come by', () => {
  runScript(`${OPEN}
    180.0  tick                  |
    180.2  tick                  | stale @180.02
    599    tick                  |
    601    tick                  | stale2 @600.02, end stale by c 0/0 @600.02
  `);
  runScript(`${OPEN}
    700    c PA 1:1 +5           | stale @180.02, stale2 @600.02, end stale by c 0/0 @600.02, forgotten, began
  `);
});

test('a new byte ends a stillness, and the next one is told again', () => {
  runScript(`${OPEN}
    1      c PA 1:1 +5           |
    181.2  tick                  | stale @181
    300    s PA 1:6 +5           |
    400    tick                  |
    480    c A 6:6               | stale
    500    c PA 6:6 +1           |
    1101   tick                  | stale @680, stale2 @1100, end stale by c 6/5 @1100
  `);
});

test('keep-alive probes, their answers, and retransmissions move no byte', () => {
  runScript(`${OPEN}
    1      c PA 1:1 +5           |
    1.1    s A 1:6               |
    60     c A 5:1               |
    60.1   s A 1:6               |
    120    c A 5:1 +1            |
    120.1  s A 1:6               |
    150    c PA 1:1 +5           |
    181.2  tick                  | stale @181
  `);
});

test('the window of a side opens and closes without a byte', () => {
  runScript(`${OPEN}
    1      c PA 1:1 +5           |
    1.1    s A 1:6 w=0           |
    100    c A 5:1               |
    100.1  s A 1:6 w=0           |
    170    s A 1:6 w=9000        |
    181.2  tick                  | stale @181
  `);
});

test('a connection that was let go: keep-alives keep it so, a new byte begins another', () => {
  runScript(`${OPEN}
    1      c PA 1:1 +5           |
    1.1    s A 1:6               |
    602    tick                  | stale @181, stale2 @601, end stale by c 5/0 @601
    640    c A 5:1               |
    640.1  s A 1:6               |
    690    c A 5:1               |
    745    c A 5:1               |
    790    s PA 1:6 +3           | forgotten, began
    791    stop                  | end stopped by c 0/3, forgotten
  `);
});

test('a connection that was let go is closed by FIN or RST, and what follows is late', () => {
  runScript(`${OPEN}
    601    tick                  | stale @180.02, stale2 @600.02, end stale by c 0/0 @600.02
    650    c FA 1:1              |
    650.1  s A 1:2               |
    650.2  s FA 1:2              |
    650.3  c A 2:2               |
    710.4  tick                  | forgotten
  `);
  runScript(`${OPEN}
    601    tick                  | stale @180.02, stale2 @600.02, end stale by c 0/0 @600.02
    650    c R 1                 |
    651    s PA 1:1 +9           |
  `);
});

test('a connection that was let go and is seen one way: what is acknowledged was sent', () => {
  runScript(`
    0      c A 1:1               | began midstream
    601    tick                  | stale @180, stale2 @600, end stale by c 0/0 @600
    620    c A 1:1               |
    640    c A 1:5001            | forgotten, began
  `);
});

test('a connection that was let go is forgotten after two hours without a packet', () => {
  runScript(`${OPEN}
    601    tick                  | stale @180.02, stale2 @600.02, end stale by c 0/0 @600.02
    660.1  tick                  |
    7800.1 tick                  | forgotten
  `);
});

test('short delays hold from the moment a connection is established', () => {
  runScript(
    `${OPEN}
    5.2    tick                  | stale @5.02
    8.2    tick                  | stale2 @8.02, end stale by c 0/0 @8.02
  `,
    { delays: { staleSeconds: 5, stale2Seconds: 8 } },
  );
});

test('a long delay of the first connection does not hold up shorter ones after it', () => {
  runScript(
    `
    0      c A 1:1               | began midstream
    0.1    c2 S 0                | began #2
    30.3   tick                  | half-open 0 #2 @30.1
  `,
    { delays: { staleSeconds: 7200, stale2Seconds: 9000 } },
  );
});

test('a clock that was set back does not hold up what begins after it', () => {
  runScript(`
    90000  tick                  |
    90000  c S 0                 | began
    100    c2 S 0                | began #2
    100.1  tick                  |
    130.2  tick                  | half-open 0 #2 @130
    90030.2 tick                 | end halfOpen by c 0/0 #2 @230, half-open 0 @90030, forgotten
  `);
});

test('one-way views: progress is what the visible side acknowledges', () => {
  runScript(`
    0      c S 0                 | began
    0.02   c A 1:1               |
    1      c PA 1:1 +100         |
    1.1    c A 101:2001          |
    170    c A 101:4001          |
    350.2  tick                  | stale @350
    351    stop                  | end stopped by c 100/4000, forgotten
  `);
  runScript(`
    0      s SA 0:1              | began midstream
    1      s A 1:101             |
    1.1    s PA 1:101 +2000      |
    2      s FA 2001:101         |
    3      stop                  | end fin by s 100/2000, forgotten
  `);
});

test.run();
