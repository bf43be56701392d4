import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import type { EventName } from '../../src/model/event-code.ts';
import { LiveSettings } from '../../src/model/live-settings.ts';
import { engineMemory } from '../../src/model/memory-supply.ts';
import { TcpFlag } from '../../src/model/packet.ts';
import { buildPipeline, type Pipeline } from '../../src/pipeline/pipeline.ts';
import { Random } from '../tools/random.ts';
import { Wire, type WireSegment, WireSource } from '../tools/wire.ts';

const test = suite('hostile input');

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const { fin: FIN, syn: SYN, rst: RST, psh: PSH, ack: ACK } = TcpFlag;
/** How many times as much comes of each flood: `HOSTILE_TIMES=10` for millions. */
const TIMES = Number(process.env['HOSTILE_TIMES'] ?? 1);
const HALF_CLOSED = 300_000 * TIMES;
const FOREIGN_PACKETS = 300_000 * TIMES;
const CONVERSATIONS = 10_000 * TIMES;
const ICMP_ERRORS = 300_000 * TIMES;
const IGNORED_RESETS = 100_000 * TIMES;
const RESETS = 200_000 * TIMES;
const MOST_CONNECTIONS = 20_000;
const FRAMES_AT_ONCE = 1_000;
const SERVER = 0x0a000002;
const MEBIBYTE = 2 ** 20;
/** What the flood gate lets pass of a kind of event: 10,000 at once, 1,000 a second. */
const EVENTS_AT_ONCE = 10_000;
const EVENTS_A_SECOND = 1_000;
/** A segment of random bytes is as long as this. */
const SEGMENT_BYTES = 1_400;

interface Bounds {
  /** Memory that may be held besides the connection table. */
  readonly mostGrowthMb: number;
  /** Frames between two looks at the memory. */
  readonly measureEvery?: number;
}

interface Outcome {
  readonly pipeline: Pipeline;
  readonly frames: number;
  /** By kind of event: how often it happened, how often it was told, and summed up. */
  readonly occurred: ReadonlyMap<EventName, number>;
  readonly told: ReadonlyMap<EventName, number>;
  readonly suppressed: ReadonlyMap<EventName, number>;
  readonly mostHeapBytes: number;
}

const count = (counts: Map<EventName, number>, name: EventName, by = 1) =>
  counts.set(name, (counts.get(name) ?? 0) + by);

/** Memory of the engine and of what it holds for others, without garbage. */
function heldBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Sends a flood the whole way, and holds it against all bounds that hold for every flood. */
function endure(steps: (wire: Wire) => Iterator<void>, change: Partial<Settings>, bounds: Bounds): Outcome {
  const { mostGrowthMb, measureEvery = 100_000 } = bounds;
  const occurred = new Map<EventName, number>();
  const told = new Map<EventName, number>();
  const suppressed = new Map<EventName, number>();
  const settings = new LiveSettings({ ...DEFAULT_SETTINGS, maxConnections: MOST_CONNECTIONS, ...change });
  const sink = {
    connectionBegan() {},
    connectionEnded() {},
    occurred: (name: EventName) => count(occurred, name),
    queryOccurred: ({ name }: NetworkEvent) => count(occurred, name),
    queryAnswered() {},
    questionEnded() {},
    event(event: NetworkEvent) {
      count(told, event.name);
      count(suppressed, event.name, event.suppressed ?? 0);
    },
    note() {},
  };
  const pipeline = buildPipeline({ settings, seed: 7, memory: engineMemory, sink, dumpSink: null });
  const { processor, emitter } = pipeline;
  const wire = new Wire();
  const source = new WireSource(wire, steps(wire));
  const beforeBytes = heldBytes();
  const beginUs = wire.timeUs;
  let mostHeapBytes = 0;
  let nextMeasure = measureEvery / 2;
  /** After each round: frames so far, and the time that they took. */
  const rounds: { readonly frames: number; readonly ms: number }[] = [];
  let ms = 0;
  for (let isDone = false; !isDone; ) {
    const begin = performance.now();
    isDone = processor.drain(source, FRAMES_AT_ONCE);
    ms += performance.now() - begin;
    rounds.push({ frames: source.frames, ms });
    assert.ok(processor.tracker.size <= MOST_CONNECTIONS, `${processor.tracker.size} connections`);
    if (source.frames < nextMeasure) continue;
    nextMeasure += measureEvery;
    mostHeapBytes = Math.max(mostHeapBytes, heldBytes() - beforeBytes);
  }
  mostHeapBytes = Math.max(mostHeapBytes, heldBytes() - beforeBytes);
  const endUs = processor.nowUs + 700e6;
  while (processor.advance(endUs));
  while (processor.tracker.stop(endUs));
  emitter.finish();
  assert.ok(mostHeapBytes < mostGrowthMb * MEBIBYTE, `${(mostHeapBytes / MEBIBYTE).toFixed(1)} MiB more`);
  const seconds = (endUs - beginUs) / 1e6;
  for (const [name, number] of told) {
    assert.ok(number <= EVENTS_AT_ONCE + EVENTS_A_SECOND * seconds, `${number} of ${name} in ${seconds} s`);
  }
  assertFlat(rounds);
  return { pipeline, frames: source.frames, occurred, told, suppressed, mostHeapBytes };
}

/** A packet takes as long at the end as it did near the beginning: once the code is warm, and but for pauses of the machine. */
function assertFlat(rounds: readonly { readonly frames: number; readonly ms: number }[]): void {
  const tenth = Math.floor(rounds.length / 10);
  if (tenth < 5) return;
  const msOf = (from: number, to: number) => (rounds[to]?.ms ?? 0) - (rounds[from]?.ms ?? 0);
  const early = msOf(tenth, 2 * tenth);
  const late = msOf(rounds.length - 1 - tenth, rounds.length - 1);
  assert.ok(late < 10 * early + 100, `${early.toFixed(1)} ms for the second tenth, ${late.toFixed(1)} ms for the last`);
}

/** Everything that happened was told, or is in a sum. */
function assertAllCounted({ occurred, told, suppressed }: Outcome, name: EventName): void {
  assert.is((told.get(name) ?? 0) + (suppressed.get(name) ?? 0), occurred.get(name) ?? 0, name);
}

/** One of many clients, and what it sends to the server; sequence numbers go on as bytes are sent. */
class Client {
  readonly address: number;
  readonly port: number;
  readonly serverPort: number;
  readonly #wire: Wire;
  sequence: number;
  answered = 77;

  constructor(wire: Wire, n: number, serverPort: number) {
    this.#wire = wire;
    this.address = 0x0b000000 + (n >>> 4);
    this.port = 20_000 + (n % 40_000);
    this.serverPort = serverPort;
    this.sequence = Math.imul(n, 0x9e3779b1);
  }

  segment(flags: number, payload?: Uint8Array, change: Partial<WireSegment> = {}): WireSegment {
    const { address, port, serverPort, sequence, answered } = this;
    const segment = {
      source: address,
      destination: SERVER,
      sourcePort: port,
      destinationPort: serverPort,
      sequence,
      acknowledgment: answered,
      flags,
      ...change,
    };
    return payload === undefined ? segment : { ...segment, payload };
  }

  send(afterUs: number, flags: number, payload?: Uint8Array): void {
    this.#wire.segment(afterUs, this.segment(flags, payload));
    this.sequence += (payload?.length ?? 0) + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
  }

  /** The server sends. */
  hear(afterUs: number, flags: number, payload?: Uint8Array, change: Partial<WireSegment> = {}): void {
    const { address, port, serverPort, sequence, answered } = this;
    const segment = {
      source: SERVER,
      destination: address,
      sourcePort: serverPort,
      destinationPort: port,
      sequence: answered,
      acknowledgment: sequence,
      flags,
      ...change,
    };
    this.#wire.segment(afterUs, payload === undefined ? segment : { ...segment, payload });
    if ('sequence' in change) return;
    this.answered += (payload?.length ?? 0) + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
  }

  *open(afterUs: number): Iterable<void> {
    yield this.send(afterUs, SYN);
    yield this.hear(0, SYN | ACK);
    yield this.send(0, ACK);
  }
}

/** Connections side by side: each of `width` sends what `step` says in turn, and is followed by the next when that ends. */
function* sideBySide(total: number, width: number, conversation: (n: number) => Iterable<void>): Generator<void> {
  const under = [] as Iterator<void>[];
  let begun = 0;
  while (begun < total || under.length > 0) {
    while (under.length < width && begun < total) under.push(conversation(begun++)[Symbol.iterator]());
    for (let i = under.length - 1; i >= 0; i--) {
      if ((under[i] as Iterator<void>).next().done !== true) yield;
      else under.splice(i, 1);
    }
  }
}

test(`${HALF_CLOSED} half-closed connections`, () => {
  const outcome = endure(
    function* (wire) {
      for (let n = 0; n < HALF_CLOSED; n++) {
        const client = new Client(wire, n, 9_092);
        yield* client.open(3_000);
        yield client.send(0, FIN | ACK);
        yield client.hear(0, ACK);
      }
    },
    { staleSeconds: 50, stale2Seconds: 300 },
    { mostGrowthMb: 24 },
  );
  assertAllCounted(outcome, 'HALF_CLOSED');
  assert.is(outcome.occurred.get('HALF_CLOSED'), HALF_CLOSED);
  assert.ok((outcome.suppressed.get('HALF_CLOSED') ?? 0) > 100_000, 'a flood is summed up');
});

test(`${FOREIGN_PACKETS} foreign packets from changing strangers`, () => {
  const random = new Random(1);
  const victims = 2_000;
  const outcome = endure(
    function* (wire) {
      const clients = Array.from({ length: victims }, (_, n) => new Client(wire, n, 9_092));
      for (const client of clients) {
        yield* client.open(10);
        yield client.send(0, ACK | PSH, Buffer.from('hello'));
      }
      for (let n = 0; n < FOREIGN_PACKETS; n++) {
        const client = random.pick(clients);
        const source = 0x0c000000 + random.between(0, 0xffff);
        yield client.hear(100, ACK, undefined, { source, sequence: random.uint32() });
        if (n % 3 === 0) yield wire.segment(10, client.segment(RST, undefined, { destination: source }));
      }
    },
    {},
    { mostGrowthMb: 24 },
  );
  assertAllCounted(outcome, 'FOREIGN_PACKET');
  assert.is(outcome.pipeline.processor.tracker.evicted, 0, 'strangers take no place in the table');
});

interface Preamble {
  readonly first: string;
  readonly piece: string;
  readonly pieces: number;
  /** The server goes on with this, as often. */
  readonly answer?: string;
  readonly mostGrowthMb?: number;
}

/** Bytes of a client that lead nowhere, and are told apart by no end. */
const PREAMBLES: Readonly<Record<string, Preamble>> = {
  'PROXY lines without an end': { first: 'PROXY TCP4 ', piece: '1', pieces: 12 },
  'PROXY headers of version 2 without an end': {
    first: `${Buffer.from('0d0a0d0a000d0a515549540a211107f0', 'hex').toString('latin1')}`,
    piece: 'x'.repeat(320),
    pieces: 6,
    mostGrowthMb: 80, // a conversation of some 6 KB, and a header of 2 KB, for each of 8,000
  },
  'CONNECT heads without an end': {
    first: 'CONNECT a:443 HTTP/1.1\r\n',
    piece: `X: ${'y'.repeat(1_000)}\r\n`,
    pieces: 12,
    mostGrowthMb: 80, // a head of 8 KB for each of 8,000 conversations
  },
  'CONNECT answers without an end': {
    first: `CONNECT a:443 HTTP/1.1\r\nX: ${'y'.repeat(1_300)}\r\n\r\n`,
    piece: '',
    pieces: 12,
    answer: `X: ${'y'.repeat(1_000)}\r\n`,
    mostGrowthMb: 80,
  },
  'PostgreSQL requests, byte by byte': {
    first: '\0',
    piece: '\0',
    pieces: 2,
  },
  'XMPP streams without an end': { first: '<stream:stream ', piece: 'a'.repeat(700), pieces: 11 },
  'LDAP requests of lying lengths': { first: '\x30\x84\xff\xff\xff\xff\x02\xff', piece: 'a'.repeat(100), pieces: 8 },
};
for (const [name, { first, piece, pieces, answer = '', mostGrowthMb }] of Object.entries(PREAMBLES)) {
  test(`${CONVERSATIONS} ${name}`, () => {
    const [begin, more, heard] = [first, piece, answer].map((text) => Buffer.from(text, 'latin1'));
    endure(
      (wire) =>
        sideBySide(CONVERSATIONS, 8_200, function* (n) {
          const client = new Client(wire, n, 8_443);
          yield* client.open(10);
          yield client.send(10, ACK | PSH, begin);
          for (let i = 0; i < pieces; i++) {
            if (piece !== '') yield client.send(10, ACK | PSH, more);
            if (answer !== '') yield client.hear(10, ACK | PSH, heard);
          }
        }),
      {},
      { mostGrowthMb: mostGrowthMb ?? 48, measureEvery: 25_000 },
    );
  });
}

test(`${ICMP_ERRORS} ICMP errors that quote what was never sent`, () => {
  const random = new Random(2);
  const { pipeline, told } = endure(
    function* (wire) {
      const clients = Array.from({ length: 1_000 }, (_, n) => new Client(wire, n, 9_092));
      for (const client of clients) yield* client.open(10);
      for (let n = 0; n < ICMP_ERRORS; n++) {
        const quoted = random.pick(clients).segment(ACK);
        const isStrange = random.chance(0.5);
        const wrong = isStrange ? { sourcePort: 1 } : { sequence: quoted.sequence + random.between(1, 2 ** 30) };
        yield wire.icmpError(10, random.pick([0x301, 0x304, 0x30d, 0xb00]), { ...quoted, ...wrong });
      }
    },
    {},
    { mostGrowthMb: 16 },
  );
  assert.is(pipeline.processor.tracker.unfoundedErrors, ICMP_ERRORS);
  assert.is(told.get('ICMP_ERROR') ?? 0, 0);
  assert.is(told.get('PATH_MTU') ?? 0, 0);
});

test('RSTs out of the window, and challenges, end nothing', () => {
  const random = new Random(3);
  const { told, pipeline } = endure(
    function* (wire) {
      const clients = Array.from({ length: 1_000 }, (_, n) => new Client(wire, n, 9_092));
      for (const client of clients) {
        yield* client.open(10);
        yield client.send(0, ACK | PSH, Buffer.from('hello'));
        yield client.hear(0, ACK | PSH, Buffer.from('hello'));
        yield client.send(0, ACK);
      }
      for (let n = 0; n < IGNORED_RESETS; n++) {
        const client = random.pick(clients);
        const ahead = random.chance(0.5) ? random.between(2 ** 21, 2 ** 30) : random.between(1, 60_000);
        yield client.hear(100, RST, undefined, { sequence: client.answered + ahead });
        yield client.send(10, ACK | PSH, Buffer.from('on'));
        yield client.hear(10, ACK);
      }
    },
    {},
    { mostGrowthMb: 16 },
  );
  assert.is(told.get('TCP_RESET') ?? 0, 0);
  assert.is(pipeline.processor.tracker.ignoredResets, IGNORED_RESETS);
});

test(`${RESETS} connections that are reset where it counts`, () => {
  const outcome = endure(
    function* (wire) {
      for (let n = 0; n < RESETS; n++) {
        const client = new Client(wire, n, 9_092);
        yield* client.open(100);
        yield client.hear(0, RST | ACK);
      }
    },
    {},
    { mostGrowthMb: 32 },
  );
  assert.is(outcome.occurred.get('TCP_RESET'), RESETS);
});

const HTTP_HEAD = Buffer.from('GET /a HTTP/1.1\r\nHost: a\r\n');
const LONG_LINE = Buffer.alloc(SEGMENT_BYTES, 'x');
const CHUNKS = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
const CHUNK = Buffer.from(`578\r\n${'y'.repeat(1_390)}`);
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Messages of HTTP that never end; `search`: whether a text is searched in their heads. */
const ENDLESS: Readonly<Record<string, (client: Client, random: Random) => Iterable<void>>> = {
  *'heads of 1 MB without a line end'(client) {
    yield client.send(1, ACK | PSH, Buffer.from('GET /'));
    for (let sent = 0; sent < MEBIBYTE; sent += SEGMENT_BYTES) yield client.send(1, ACK | PSH, LONG_LINE);
  },
  *'a field of 1 MB'(client) {
    yield client.send(1, ACK | PSH, HTTP_HEAD);
    for (let sent = 0; sent < MEBIBYTE; sent += SEGMENT_BYTES) yield client.send(1, ACK | PSH, LONG_LINE);
  },
  *'heads of 100,000 empty fields'(client) {
    yield client.send(1, ACK | PSH, HTTP_HEAD);
    const fields = Buffer.from('a:\r\n'.repeat(350));
    for (let n = 0; n < 300; n++) yield client.send(1, ACK | PSH, fields);
  },
  *'interim responses without an end'(client) {
    yield client.send(1, ACK | PSH, Buffer.from('POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n'));
    const interim = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(50));
    for (let n = 0; n < 300; n++) yield client.hear(1, ACK | PSH, interim);
  },
  *'chunks without an end'(client) {
    yield client.send(1, ACK | PSH, Buffer.concat([HTTP_HEAD, Buffer.from('\r\n')]));
    yield client.hear(1, ACK | PSH, CHUNKS);
    for (let n = 0; n < 300; n++) yield client.hear(1, ACK | PSH, CHUNK);
    yield client.hear(1, ACK | PSH, Buffer.from('f'.repeat(1_400)));
  },
  *'frames of HTTP/2 with lying lengths'(client, random) {
    yield client.send(1, ACK | PSH, PREFACE);
    for (let n = 0; n < 300; n++) {
      const frames = Buffer.alloc(SEGMENT_BYTES);
      for (let at = 0; at + 9 <= frames.length; ) {
        const length = random.chance(0.05) ? random.between(0, 2 ** 24 - 1) : random.between(0, 40);
        frames.writeUIntBE(length, at, 3);
        frames[at + 3] = random.between(0, 11);
        frames[at + 4] = random.between(0, 255);
        frames.writeUInt32BE(random.between(0, 1_000), at + 5);
        at += 9 + length;
      }
      if (random.chance(0.5)) yield client.send(1, ACK | PSH, frames);
      else yield client.hear(1, ACK | PSH, frames);
    }
  },
  *'HTTP/2 streams that are opened and never answered'(client) {
    yield client.send(1, ACK | PSH, PREFACE);
    for (let n = 0; n < 300; n++) {
      const frames = Buffer.alloc(1_350);
      for (let i = 0; i < 150; i++) {
        frames.writeUIntBE(0, i * 9, 3);
        frames.writeUInt16BE(0x0105, i * 9 + 3);
        frames.writeUInt32BE((n * 150 + i) * 2 + 1, i * 9 + 5);
      }
      yield client.send(1, ACK | PSH, frames);
    }
  },
};
for (const [name, endless] of Object.entries(ENDLESS)) {
  for (const searchHttpHeader of ['', 'x-wanted']) {
    test(`${name}${searchHttpHeader === '' ? '' : ', while a text is searched'}`, () => {
      const random = new Random(4);
      endure(
        (wire) =>
          sideBySide(30, 20, function* (n) {
            const client = new Client(wire, n, 8_080);
            yield* client.open(1);
            yield* endless(client, random);
          }),
        { searchHttpHeader },
        { mostGrowthMb: 48, measureEvery: 5_000 },
      );
    });
  }
}

test.run();
