import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Packet, TcpFlag } from '../../src/model/packet.ts';
import { EarlyResets } from '../../src/track/early-resets.ts';
import { runScript } from './script.ts';

const test = suite('RSTs captured before their SYN');

const SECOND_US = 1_000_000;

function packet(fields: Partial<Packet>): Packet {
  return Object.assign(new Packet(), { timeUs: 100 * SECOND_US, endpointHash: 7, ...fields });
}
const reset = (fields: Partial<Packet> = {}) =>
  packet({ flags: TcpFlag.rst | TcpFlag.ack, acknowledgment: 1_001, ...fields });
const syn = (fields: Partial<Packet> = {}) => packet({ flags: TcpFlag.syn, sequence: 1_000, ...fields });

const cases: readonly { readonly name: string; readonly rst: Packet; readonly syn: Packet; readonly want: boolean }[] =
  [
    { name: 'it acknowledges the SYN', rst: reset(), syn: syn(), want: true },
    {
      name: 'it acknowledges what the SYN carries',
      rst: reset({ acknowledgment: 1_101 }),
      syn: syn({ payloadLengthBytes: 100 }),
      want: true,
    },
    { name: 'numbers wrap round', rst: reset({ acknowledgment: 0 }), syn: syn({ sequence: -1 }), want: true },
    { name: 'it acknowledges something else', rst: reset({ acknowledgment: 1_002 }), syn: syn(), want: false },
    { name: 'it acknowledges nothing', rst: reset({ flags: TcpFlag.rst }), syn: syn(), want: false },
    { name: 'it is between others', rst: reset({ endpointHash: 8 }), syn: syn(), want: false },
    { name: 'a second before', rst: reset({ timeUs: 99 * SECOND_US }), syn: syn(), want: true },
    { name: 'longer before', rst: reset({ timeUs: 99 * SECOND_US - 1 }), syn: syn(), want: false },
  ];
for (const { name, rst, syn: asks, want } of cases) {
  test(name, () => {
    const early = new EarlyResets();
    early.add(rst);
    assert.is(early.hasAnswered(asks), want);
  });
}

test('nothing is remembered at the beginning', () => {
  assert.is(new EarlyResets().hasAnswered(syn({ sequence: -1, endpointHash: 0, timeUs: 0 })), false);
});

test('the last 64 are remembered', () => {
  const early = new EarlyResets();
  early.add(reset());
  for (let n = 0; n < 63; n++) early.add(reset({ endpointHash: 100 + n }));
  assert.is(early.hasAnswered(syn()), true);
  early.add(reset({ endpointHash: 200 }));
  assert.is(early.hasAnswered(syn()), false);
  assert.is(early.hasAnswered(syn({ endpointHash: 200 })), true);
});

test('a connection that was refused before its SYN was captured', () => {
  runScript(`
    0   s RA 0:1 |
    0.1 c S  0   | began, reset by s in phase 0, end reset by s 0/0
  `);
});

test.run();
