import type { Connection } from '../../src/model/connection.ts';
import { ConnectionType, EndType, PodSide, Side } from '../../src/model/connection.ts';
import { UNKNOWN_PROCESS } from '../../src/model/process.ts';

/** 192.168.7.200, the initiator of the sample. */
export const INITIATOR_WORDS = [0xc0a807c8, 0, 0, 0];
/** 10.96.0.1, its responder. */
export const RESPONDER_WORDS = [0x0a600001, 0, 0, 0];

/** Nothing was lost, and no round trip was seen. */
export const NO_QUALITY = {
  retransmitted: () => 0,
  outOfOrder: () => 0,
  roundTripUs: () => 0,
  zeroWindowMs: () => 0,
  httpErrors: 0,
} as const;

/** A connection of no importance, with what a test wants different. */
export function sampleConnection(
  change: Partial<Connection> = {},
  words: readonly (readonly number[])[] = [INITIATOR_WORDS, RESPONDER_WORDS],
): Connection {
  return {
    ipVersion: 4,
    initiatorPort: 40222,
    responderPort: 8443,
    beginUs: 1_700_000_000_123_456,
    endUs: 1_700_000_001_000_007,
    synAckLatencyUs: 412,
    ackLatencyUs: 35,
    tlsLatencyUs: 2048,
    firstByteLatencyUs: 731,
    initiatorBytes: 1517,
    responderBytes: 48_230,
    connectionType: ConnectionType.tls,
    endType: EndType.fin,
    endedBy: Side.responder,
    podSide: PodSide.initiator,
    midstream: false,
    failure: '',
    certain: true,
    process: UNKNOWN_PROCESS,
    retransmitted: (side) => side + 1,
    outOfOrder: (side) => side + 3,
    roundTripUs: (side) => 6 - side,
    zeroWindowMs: (side) => 8 - side,
    httpErrors: 9,
    addressWord: (side, word) => words[side][word],
    ...change,
  };
}
