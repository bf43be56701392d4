/** What happens in a capture, in lines of `test/track/script-step.ts`, and how it was captured. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly capture: 'ethernet' | 'vlan' | 'sll2' | 'raw';
  readonly ipVersion: 4 | 6;
  readonly script: string;
  /** Where the sequence numbers of client and server begin. */
  readonly isn?: readonly [number, number];
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'orderly',
    about: 'a request and its answer; FINs one after the other, and crossing each other',
    capture: 'ethernet',
    ipVersion: 4,
    script: `
      0.000000  c  S   0       ws=7
      0.000150  s  SA  0:1     ws=7
      0.000185  c  A   1:1
      0.001000  c  PA  1:1     +120
      0.001300  s  A   1:121
      0.010000  s  PA  1:121   +1460
      0.010050  s  PA  1461:121 +300
      0.010400  c  A   121:1761
      1         c  FA  121:1761
      1.000100  s  FA  1761:122
      1.000200  c  A   122:1762
      2         c2 S   0
      2.001     s2 SA  0:1
      2.002     c2 A   1:1
      3         c2 FA  1:1
      3         s2 FA  1:1
      3.001     c2 A   2:2
      3.001     s2 A   2:2
    `,
  },
  {
    name: 'refused-and-reset',
    about:
      'resets in every phase: of a SYN, after a SYN-ACK, of an idle connection, in the middle of an answer, after FIN',
    capture: 'vlan',
    ipVersion: 6,
    script: `
      0     c  S   0
      0.001 s  RA  0:1
      1     c2 S   0
      1.001 s2 SA  0:1
      1.002 c2 R   1
      2     c3 S   0
      2.001 s3 SA  0:1
      2.002 c3 A   1:1
      2.003 s3 RA  1:1
      3     c4 S   0
      3.001 s4 SA  0:1
      3.002 c4 A   1:1
      3.003 c4 PA  1:1 +10
      3.004 s4 PA  1:11 +1000
      3.005 c4 RA  11:1
      4     c5 S   0
      4.001 s5 SA  0:1
      4.002 c5 A   1:1
      4.003 c5 FA  1:1
      4.004 s5 R   1
    `,
  },
  {
    name: 'unanswered',
    about: 'SYNs that nobody answers, and a SYN-ACK that is never acknowledged',
    capture: 'sll2',
    ipVersion: 4,
    script: `
      0     c  S   0
      1     c  S   0
      3     c  S   0
      7     c  S   0
      8     c2 S   0
      8.1   s2 SA  0:1
      9.1   s2 SA  0:1
      11.1  s2 SA  0:1
      15    c  S   0
      300   c3 S   0
      300.1 s3 RA  0:1
    `,
  },
  {
    name: 'stale',
    about:
      'silence: an unanswered question, keep-alives, a closed window, and a connection that goes on after it was let go',
    capture: 'raw',
    ipVersion: 6,
    script: `
      0     c  S   0
      0.001 s  SA  0:1
      0.002 c  A   1:1
      1     c  PA  1:1 +50
      1.001 s  A   1:51
      2     c2 S   0
      2.001 s2 SA  0:1
      2.002 c2 A   1:1
      3     c2 PA  1:1 +50
      3.001 s2 A   1:51 w=0
      60    c  A   50:1
      60.1  s  A   1:51
      120   c  A   50:1
      120.1 s  A   1:51
      400   s  PA  1:51 +10
      400.1 c  A   51:11
      650   c2 A   50:1
      1100  c  PA  51:11 +1
      1101  c  FA  52:11
      1102  s  FA  11:53
    `,
  },
  {
    name: 'midstream',
    about: 'connections that were there before, one of them seen in one direction only',
    capture: 'ethernet',
    ipVersion: 6,
    script: `
      0     c  PA  1:1 +100
      0.1   s  A   1:101
      0.2   s  PA  1:101 +200
      0.3   c  FA  101:201
      0.4   s  FA  201:102
      0.5   c  A   102:202
      1     s2 SA  0:1
      1.1   c2 A   1:1
      1.2   c2 PA  1:1 +5
      1.3   s2 RA  1:6
      2     c3 A   1:1
      2.1   c3 A   1:5001
      2.2   c3 A   1:9001
      3     c4 R   1
    `,
  },
  {
    name: 'byte-counts',
    about: 'retransmission, reordering, overlap, loss and wrap of sequence numbers; data in SYN and SYN-ACK',
    capture: 'ethernet',
    ipVersion: 4,
    isn: [0xffff_ff00, 0x7fff_fff0],
    script: `
      0     c  S   0  ws=7
      0.001 s  SA  0:1 ws=7
      0.002 c  A   1:1
      0.01  c  PA  1:1 +200
      0.02  c  PA  201:1 +200
      0.03  c  PA  201:1 +200
      0.04  c  PA  601:1 +200
      0.05  c  PA  401:1 +200
      0.06  c  PA  701:1 +200
      0.07  s  A   1:901
      0.08  s  A   1:1001
      0.09  s  PA  1:1001 +100
      1     c  FA  1001:101
      1.001 s  FA  101:1002
      2     c2 S   0 +30
      2.001 s2 SA  0:31 +40
      2.002 c2 A   31:41
      3     c2 FA  31:41
      3.001 s2 FA  41:32
    `,
  },
  {
    name: 'ports-used-again',
    about: 'the same endpoints three times within a minute, with late segments between them',
    capture: 'vlan',
    ipVersion: 4,
    script: `
      0     c  S   0
      0.001 s  SA  0:1
      0.002 c  A   1:1
      1     c  FA  1:1
      1.001 s  FA  1:2
      1.002 c  A   2:2
      1.5   s  FA  1:2
      20    c  S   1000000
      20.1  c  A   2:2
      20.2  s  SA  3000000:1000001
      20.3  c  A   1000001:3000001
      21    s  R   3000001
      30    c  S   2000000
      31    c  S   2500000
      31.1  s  RA  0:2500001
    `,
  },
];
