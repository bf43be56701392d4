import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import { DEFAULT_SETTINGS } from '../../src/config/settings.ts';
import { type Connection, EndType } from '../../src/model/connection.ts';
import { addressText, type NetworkEvent } from '../../src/model/event.ts';
import { Direction } from '../../src/model/frame.ts';
import { LiveSettings } from '../../src/model/live-settings.ts';
import { Packet } from '../../src/model/packet.ts';
import type { OutputSink } from '../../src/pipeline/emitter.ts';
import { buildPipeline } from '../../src/pipeline/pipeline.ts';
import { systemMemory } from '../../src/session/system-memory.ts';
import { Phase } from '../../src/track/phase.ts';
import type { TrackedConnection } from '../../src/track/tracked-connection.ts';
import { Random } from '../tools/random.ts';
import { FuzzSource, samples } from './frames.ts';

const FRAMES_AT_ONCE = 1_000;

/** What came of the frames. */
export interface Outcome {
  readonly digest: string;
  readonly began: number;
  readonly ended: number;
  readonly events: ReadonlyMap<string, number>;
  readonly tcpFrames: number;
  readonly evicted: number;
  readonly pcaps: number;
}

/** A packet without any flag from the initiator of a connection. */
function packetOf(connection: Connection): Packet {
  const packet = new Packet();
  packet.view = new DataView(new ArrayBuffer(32));
  packet.ipVersion = connection.ipVersion;
  packet.destinationAddress = 16;
  for (let word = 0; word < (connection.ipVersion === 4 ? 1 : 4); word++) {
    packet.view.setUint32(4 * word, connection.addressWord(0, word));
    packet.view.setUint32(16 + 4 * word, connection.addressWord(1, word));
  }
  packet.sourcePort = connection.initiatorPort;
  packet.destinationPort = connection.responderPort;
  return packet;
}

/**
 * Sends spoilt frames the whole way, and checks what can be checked of anything. `seed` makes the frames, `tableSeed` keys
 * the hash of the connection table, which must not matter. @throws AssertionError
 */
export function fuzzFrames(seed: number, tableSeed: number, frames: number, maxConnections: number): Outcome {
  const digest = createHash('sha256');
  const say = (text: string) => digest.update(`${text}\n`);
  let began = 0;
  let ended = 0;
  let reserved = 0;
  let settled = 0;
  const events = new Map<string, number>();
  const open = new Map<string, Packet>();
  const identify = (connection: Connection) =>
    `${addressText(connection, 0)} ${connection.initiatorPort} ${addressText(connection, 1)} ${connection.responderPort}`;
  const sink: OutputSink = {
    connectionBegan(connection) {
      began++;
      assert.not(open.has(identify(connection)), 'the same endpoints twice');
      open.set(identify(connection), packetOf(connection));
      say(`began ${identify(connection)} ${connection.beginUs}`);
    },
    connectionEnded(connection) {
      ended++;
      assert.ok(open.delete(identify(connection)), 'what ends has begun');
      const { initiatorBytes, responderBytes, endType } = connection;
      const { synAckLatencyUs, ackLatencyUs, tlsLatencyUs, firstByteLatencyUs } = connection;
      for (const number of [
        initiatorBytes,
        responderBytes,
        synAckLatencyUs,
        ackLatencyUs,
        tlsLatencyUs,
        firstByteLatencyUs,
      ]) {
        assert.ok(Number.isInteger(number) && number >= 0, `${number} in ${identify(connection)}`);
      }
      assert.ok((Object.values(EndType) as number[]).includes(endType));
      assert.ok(connection.endUs >= 0);
      say(`ended ${identify(connection)} ${endType} ${initiatorBytes} ${responderBytes} ${connection.endUs}`);
    },
    occurred() {},
    queryOccurred() {},
    queryAnswered() {},
    questionEnded() {},
    event(event: NetworkEvent) {
      events.set(event.name, (events.get(event.name) ?? 0) + 1);
      assert.ok(Number.isFinite(event.value) && event.timeUs >= 0 && event.cause.length > 10);
      say(JSON.stringify(event));
    },
    note: (message) => say(message),
  };
  const dumps = {
    reserveDump: () => `dump ${reserved++}`,
    writeDump: () => settled++,
    releaseDump: () => settled++,
  };
  const settings = new LiveSettings({
    ...DEFAULT_SETTINGS,
    maxConnections,
    searchHttpHeader: 'X-Pepe',
    avoidLivenessProbe: 'kube-probe/',
    bufferMb: 8,
  });
  const { processor } = buildPipeline({ settings, seed: tableSeed, memory: systemMemory, sink, dumpSink: dumps });
  const random = new Random(seed);
  const source = new FuzzSource(random, samples(random, 1_500), frames);
  while (!processor.drain(source, FRAMES_AT_ONCE)) {
    assert.ok(processor.tracker.size <= maxConnections);
    assert.ok(began - ended <= processor.tracker.size, 'open connections are in the table');
  }
  while (processor.advance(processor.nowUs));
  assert.ok(began - ended <= processor.tracker.size);
  assert.is(open.size, began - ended);
  let halfOpen = 0;
  const count = ({ phase }: TrackedConnection) => {
    if (phase < Phase.established) halfOpen++;
  };
  processor.tracker.visitOpen(count, 0, maxConnections);
  assert.is(processor.tracker.halfOpen, halfOpen);
  const before = began;
  for (const packet of [...open.values()]) {
    packet.timeUs = processor.nowUs;
    processor.tracker.prefetch([packet], 1);
    processor.tracker.segment(packet, Direction.unknown); // says nothing, and would begin a connection that is not found
  }
  assert.is(began, before, 'every open connection is found');
  processor.tracker.stop(processor.nowUs);
  assert.is(processor.tracker.size, 0, 'nothing is left after a stop');
  assert.is(processor.tracker.halfOpen, 0);
  assert.is(ended, began, 'every connection that began has ended');
  processor.advance(processor.nowUs + 1e9);
  assert.is(settled, reserved, 'every pcap was written or given up');
  const { evicted } = processor.tracker;
  return {
    digest: digest.digest('hex'),
    began,
    ended,
    events,
    tcpFrames: processor.verdicts['tcp'] ?? 0,
    evicted,
    pcaps: reserved,
  };
}
