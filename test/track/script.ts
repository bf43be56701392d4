import * as assert from 'uvu/assert';
import { EndType, type Side } from '../../src/model/connection.ts';
import { Direction } from '../../src/model/frame.ts';
import { Packet, TcpFlag } from '../../src/model/packet.ts';
import { ConnectionTable } from '../../src/track/connection-table.ts';
import type { Stranger } from '../../src/track/foreign-packets.ts';
import type { IcmpError } from '../../src/track/icmp-errors.ts';
import type { PathMtuTrouble } from '../../src/track/path-mtu.ts';
import type { TrackedConnection } from '../../src/track/tracked-connection.ts';
import { Tracker } from '../../src/track/tracker.ts';
import type { TrackerDelays, TrackerListener } from '../../src/track/tracker-listener.ts';
import { parseStep, type ScriptPacket } from './script-step.ts';

/** The second that scripts call 0, in microseconds since 1970. */
export const EPOCH_US = 1_700_000_000_000_000;

const DEFAULT_DELAYS: TrackerDelays = { halfOpenSeconds: 30, staleSeconds: 180, stale2Seconds: 600 };
const END_NAMES = Object.keys(EndType) as (keyof typeof EndType)[];
const CLIENT_PORT = 40_000;

/** Where the sequence numbers of both sides begin: scripts count from there, and have to do so anywhere. */
interface Bases {
  readonly client: number;
  readonly server: number;
}

const BASES: readonly Bases[] = [
  { client: 1000, server: 5000 },
  { client: 0xffff_fffe, server: 0x7fff_fffe },
  { client: 0x7fff_ffff, server: 0xffff_fff0 },
  { client: 0x8000_0000, server: 0 },
  { client: 0xc000_0003, server: 0xc000_0000 },
];

/** How a script is run. */
export interface ScriptOptions {
  readonly delays?: Partial<TrackerDelays>;
  readonly capacity?: number;
  readonly serverPort?: number;
}

/** What is known of a connection when it ended. */
export interface Ending {
  readonly synAckLatencyUs: number;
  readonly ackLatencyUs: number;
  readonly firstByteLatencyUs: number;
  readonly midstream: boolean;
  readonly certain: boolean;
  readonly initiatorPort: number;
}

const sideLetter = (side: Side) => (side === 0 ? 'c' : 's');

/** Builds packets and hears what the tracker says of them. */
class ScriptRun implements TrackerListener {
  readonly tracker: Tracker;
  readonly endings: Ending[] = [];
  readonly #packet = new Packet();
  readonly #bases: Bases;
  readonly #ipVersion: number;
  readonly #serverPort: number;
  #said: string[] = [];
  #nowUs = EPOCH_US;

  constructor(ipVersion: number, bases: Bases, options: ScriptOptions) {
    this.#bases = bases;
    this.#ipVersion = ipVersion;
    this.#serverPort = options.serverPort ?? 80;
    this.tracker = new Tracker(
      new ConnectionTable(options.capacity ?? 16, 1234),
      { ...DEFAULT_DELAYS, ...options.delays },
      this,
    );
    this.#packet.view = new DataView(new ArrayBuffer(64));
  }

  /** One line of a script: does what it says, and answers with what was heard. */
  step(line: string): string {
    const { seconds, action, packet } = parseStep(line);
    this.#nowUs = EPOCH_US + Math.round(seconds * 1e6);
    this.#said = [];
    if (packet !== null) this.#send(packet);
    else if (action === 'tick') this.tracker.advance(this.#nowUs);
    else if (action === 'stop') this.tracker.stop(this.#nowUs);
    else if (action.startsWith('clock')) this.tracker.shiftTimes(Number(action.slice('clock'.length)) * 1e6);
    else throw new Error(`nobody knows how to ${action}`);
    return this.#said.join(', ');
  }

  #send(step: ScriptPacket): void {
    const packet = this.#packet;
    const { fromClient } = step;
    const clientPort = CLIENT_PORT + step.connection - 1;
    const { client, server } = this.#bases;
    packet.timeUs = this.#nowUs;
    packet.ipVersion = this.#ipVersion;
    packet.view.setUint32(fromClient ? 12 : 28, 0x0a000001);
    packet.view.setUint32(fromClient ? 28 : 12, 0x0a000002);
    packet.sourceAddress = this.#ipVersion === 4 ? 12 : 0;
    packet.destinationAddress = this.#ipVersion === 4 ? 28 : 16;
    packet.sourcePort = fromClient ? clientPort : this.#serverPort;
    packet.destinationPort = fromClient ? this.#serverPort : clientPort;
    packet.flags = step.flags;
    packet.sequence = (step.sequence + (fromClient ? client : server)) | 0;
    const acknowledged = step.acknowledgment + (fromClient ? server : client);
    packet.acknowledgment = (packet.flags & TcpFlag.ack) === 0 ? 0 : acknowledged | 0;
    packet.payloadLengthBytes = step.payloadBytes;
    packet.window = step.window;
    packet.windowScale = step.windowScale;
    this.tracker.prefetch([packet], 1);
    this.tracker.segment(packet, Direction.unknown);
  }

  #say(connection: TrackedConnection, text: string, timeUs = this.#nowUs): void {
    const { initiatorPort, responderPort } = connection;
    const number = (initiatorPort === this.#serverPort ? responderPort : initiatorPort) - CLIENT_PORT + 1;
    const id = number === 1 ? '' : ` #${number}`;
    const late = timeUs === this.#nowUs ? '' : ` @${(timeUs - EPOCH_US) / 1e6}`;
    this.#said.push(`${text}${id}${late}`);
  }

  began(connection: TrackedConnection): void {
    const swapped = connection.initiatorPort === this.#serverPort ? ' from s' : '';
    this.#say(connection, `began${connection.midstream ? ' midstream' : ''}${swapped}`);
  }

  established(): void {}

  halfClosed(connection: TrackedConnection, timeUs: number): void {
    this.#say(connection, 'half-closed', timeUs);
  }

  unanswered(connection: TrackedConnection, timeUs: number): void {
    this.#say(connection, 'unanswered', timeUs);
  }

  icmpError(connection: TrackedConnection, { code }: IcmpError, timeUs: number): void {
    this.#say(connection, `icmp ${code}`, timeUs);
  }

  pathMtu(connection: TrackedConnection, { side }: PathMtuTrouble, timeUs: number): void {
    this.#say(connection, `path MTU of ${sideLetter(side)}`, timeUs);
  }

  resent(): void {}

  zeroWindow(): void {}

  answered(): void {}

  foreignPacket(connection: TrackedConnection, { port }: Stranger, timeUs: number): void {
    this.#say(connection, `foreign ${port}`, timeUs);
  }

  synRepeated(connection: TrackedConnection, timeUs: number): void {
    this.#say(connection, `repeat ${connection.synRepeats}`, timeUs);
  }

  halfOpen(connection: TrackedConnection, timeUs: number): void {
    this.#say(connection, `half-open ${connection.phase}`, timeUs);
  }

  stale(connection: TrackedConnection, timeUs: number): void {
    this.#say(connection, 'stale', timeUs);
  }

  stale2(connection: TrackedConnection, timeUs: number): void {
    this.#say(connection, 'stale2', timeUs);
  }

  reset(connection: TrackedConnection, by: Side, timeUs: number): void {
    this.#say(connection, `reset by ${sideLetter(by)} in phase ${connection.phase}`, timeUs);
  }

  ended(connection: TrackedConnection): void {
    const { endType, endedBy, initiatorBytes, responderBytes, endUs } = connection;
    const { synAckLatencyUs, ackLatencyUs, firstByteLatencyUs, midstream, certain, initiatorPort } = connection;
    const name = END_NAMES.find((key) => EndType[key] === endType);
    this.#say(connection, `end ${name} by ${sideLetter(endedBy)} ${initiatorBytes}/${responderBytes}`, endUs);
    this.endings.push({ synAckLatencyUs, ackLatencyUs, firstByteLatencyUs, midstream, certain, initiatorPort });
  }

  forgotten(): void {
    this.#said.push('forgotten');
  }
}

/**
 * Runs a script, and compares what is heard with what it says; gives how the connections ended. A line is
 * that of `parseStep`, `|`, and what is heard; the actions are `tick`, `stop`, and `clock+200` where the clock was set. It has to hold for both IP versions,
 * and wherever the sequence numbers begin.
 */
export function runScript(script: string, options: ScriptOptions = {}): Ending[] {
  const lines = script.split('\n').filter((line) => line.trim() !== '');
  const tidy = (text: string) => text.trim().replace(/\s+/g, ' ');
  let endings: Ending[] = [];
  for (const ipVersion of [4, 6]) {
    for (const bases of BASES) {
      const run = new ScriptRun(ipVersion, bases, options);
      const want: string[] = [];
      const heard: string[] = [];
      for (const line of lines) {
        const [left = '', right = ''] = line.split('|');
        want.push(`${tidy(left)} | ${tidy(right)}`);
        heard.push(`${tidy(left)} | ${run.step(left)}`);
      }
      const where = `IPv${ipVersion}, sequence numbers from ${bases.client} and ${bases.server}`;
      assert.is(heard.join('\n'), want.join('\n'), where);
      endings = run.endings;
    }
  }
  return endings;
}
