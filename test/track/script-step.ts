import { TcpFlag } from '../../src/model/packet.ts';

const FLAGS: Readonly<Record<string, number>> = {
  F: TcpFlag.fin,
  S: TcpFlag.syn,
  R: TcpFlag.rst,
  P: TcpFlag.psh,
  A: TcpFlag.ack,
  U: TcpFlag.urg,
  '-': 0,
};

/** A packet of a script. Sequence numbers count from the ISN of their side. */
export interface ScriptPacket {
  readonly fromClient: boolean;
  /** Which of the connections, from 1. */
  readonly connection: number;
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly payloadBytes: number;
  readonly window: number;
  /** -1: no such option. */
  readonly windowScale: number;
}

/** A line of a script: a packet, or something else that is done. */
export interface ScriptStep {
  readonly seconds: number;
  readonly action: string;
  readonly packet: ScriptPacket | null;
}

/**
 * Reads `seconds who flags seq:ack +bytes w=window ws=shift`: who is `c` or `s`, with the number of the connection when
 * it is not the first; what is left out is 0. Any other second word is an action.
 */
export function parseStep(line: string): ScriptStep {
  const [time = '', action = '', flags = '', numbers = '0', ...more] = line.trim().split(/\s+/);
  const seconds = Number(time);
  const who = action.match(/^([cs])(\d*)$/);
  if (who === null) return { seconds, action, packet: null };
  const [sequence = 0, acknowledgment = 0] = numbers.split(':').map(Number);
  const option = (name: string) => more.find((word) => word.startsWith(name))?.slice(name.length);
  const packet = {
    fromClient: who[1] === 'c',
    connection: Number(who[2] || '1'),
    flags: [...flags].reduce((bits, letter) => bits | (FLAGS[letter] ?? Number.NaN), 0),
    sequence,
    acknowledgment,
    payloadBytes: Number(option('+') ?? 0),
    window: Number(option('w=') ?? 65_535),
    windowScale: Number(option('ws=') ?? -1),
  };
  return { seconds, action, packet };
}
