import { test } from 'uvu';
import { runScript } from './script.ts';

test('a full table: closed connections make room first, those closed longest ago before the others', () => {
  runScript(
    `
    0      c1 S 0                | began
    1      c2 S 0                | began #2
    2      c3 S 0                | began #3
    2.5    s3 RA 0:1             | reset by s in phase 0 #3, end reset by s 0/0 #3
    3      s2 RA 0:1             | reset by s in phase 0 #2, end reset by s 0/0 #2
    9      c4 S 0                | forgotten, began #4
    9.1    c5 S 0                | forgotten, began #5
    9.2    s3 RA 0:1             |
  `,
    { capacity: 3 },
  );
});

test('a connection that has just been closed stays for its last segments', () => {
  runScript(
    `
    0      c1 S 0                | began
    1      c2 S 0                | began #2
    1.5    s2 RA 0:1             | reset by s in phase 0 #2, end reset by s 0/0 #2
    2      c3 S 0                | end halfOpen by c 0/0, forgotten, began #3
    2.1    c2 A 1:1              |
    2.2    s3 RA 0:1             | reset by s in phase 0 #3, end reset by s 0/0 #3
    2.3    c4 S 0                | forgotten, began #4
  `,
    { capacity: 2 },
  );
});

test('then the open connection that has been idle longest', () => {
  runScript(
    `
    0      c1 A 1:1              | began midstream
    1      c2 A 1:1              | began midstream #2
    2      c3 S 0                | began #3
    5      c1 A 1:1              |
    6      c2 A 1:1              |
    7      c4 S 0                | end halfOpen by c 0/0 #3, forgotten, began #4
    8      c5 S 0                | end stale by c 0/0, forgotten, began #5
    9      c6 S 0                | end stale by c 0/0 #2, forgotten, began #6
  `,
    { capacity: 3 },
  );
});

test('idle for hours: connections that were last seen in other orders than they began', () => {
  const delays = { staleSeconds: 100_000, stale2Seconds: 200_000 };
  runScript(
    `
    0      c1 A 1:1              | began midstream
    1      c2 A 1:1              | began midstream #2
    4096   c1 A 1:1              |
    4097   c3 A 1:1              | end stale by c 0/0 #2, forgotten, began midstream #3
    9000   c3 A 1:1              |
    30000  c4 A 1:1              | end stale by c 0/0, forgotten, began midstream #4
    30001  c5 A 1:1              | end stale by c 0/0 #3, forgotten, began midstream #5
    30002  stop                  | end stopped by c 0/0 #4, forgotten, end stopped by c 0/0 #5, forgotten
  `,
    { capacity: 2, delays },
  );
  runScript(
    `
    0      c1 A 1:1              | began midstream
    4096   c1 A 1:1              |
    4096   stop                  | end stopped by c 0/0, forgotten
  `,
    { capacity: 2, delays },
  );
});

test.run();
