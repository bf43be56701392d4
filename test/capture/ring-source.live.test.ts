import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRingSource } from '../../src/capture/open-ring-source.ts';
import { RETIRE_MS, type RingSource } from '../../src/capture/ring-source.ts';
import { Direction, Frame, NO_VLAN } from '../../src/model/frame.ts';
import type { FrameStore } from '../../src/model/frame-store.ts';
import { LinkType } from '../../src/model/link-type.ts';
import { interfaceIndex } from '../../src/native/libc.ts';
import { pcapFile, recordsOf, seededFrames, tcpFrame, tcpPacket } from '../tools/capture-bytes.ts';
import { collect, drain, type Lab, live, openTun, run, type SeenFrame, withLab } from './lab.ts';

/** A frame no other can be taken for: tells the test that everything before it has come. */
const LAST = tcpFrame(9, Buffer.from('the last one'));

async function withRing(
  lab: Lab,
  body: (source: RingSource) => Promise<void>,
  options: Partial<Parameters<typeof openRingSource>[0]> = {},
): Promise<void> {
  const source = openRingSource({ interfaceIndex: lab.hostIndex, side: 'host', ringMb: 16, ...options });
  try {
    await body(source);
  } finally {
    source.close();
  }
}

live('the ring sees exactly the frames that were sent, in order', () =>
  withLab((lab) =>
    withRing(lab, async (source) => {
      const sent = seededFrames(3000, 1); // more than 2 MiB: several blocks
      const beforeUs = Date.now() * 1000;
      lab.send('pod', sent);
      const seen = await collect(source, sent.length);
      const afterUs = (Date.now() + 1) * 1000;
      assert.is(seen.length, sent.length);
      let lastUs = beforeUs;
      seen.forEach((frame, i) => {
        assert.ok(frame.bytes.equals(sent[i] as Buffer), `frame ${i} differs`);
        assert.is(frame.wireLengthBytes, frame.bytes.length);
        assert.is(frame.linkType, LinkType.ethernet);
        assert.is(frame.direction, Direction.fromPod);
        assert.is(frame.vlanTci, NO_VLAN);
        assert.ok(frame.timeUs >= lastUs && frame.timeUs <= afterUs, `time of frame ${i}`);
        lastUs = frame.timeUs;
      });
      const bytes = sent.reduce((sum, frame) => sum + frame.length, 0);
      assert.equal(source.counters(), { frames: sent.length, bytes, kernelDrops: 0, agentDrops: 0 });
    }),
  ),
);

/** A store that goes round in its memory and says what was taken. */
class RoundStore implements FrameStore {
  readonly words = new Int32Array(1 << 20);
  readonly bytes = new Uint8Array(this.words.buffer);
  readonly view = new DataView(this.words.buffer);
  taken: number[] = [];
  readonly #largest: number;
  #at = 0;

  constructor(largestBytes: number) {
    this.#largest = largestBytes;
  }

  take(lengthBytes: number): number {
    if (lengthBytes > this.#largest) return -1;
    this.taken.push(lengthBytes);
    const need = (lengthBytes + 15) & ~15;
    if (this.#at + need > this.bytes.length) this.#at = 0;
    const at = this.#at;
    this.#at += need;
    return at;
  }
}

live('with a store the same frames come, out of the store', () =>
  withLab((lab) => {
    const store = new RoundStore(1 << 20);
    return withRing(
      lab,
      async (source) => {
        const sent = seededFrames(3000, 3);
        lab.send('pod', [...sent, tcpFrame(5, Buffer.from('payload'), '8100a007')]);
        const frame = new Frame();
        for (const [i, bytes] of sent.entries()) {
          while (!source.next(frame)) await source.ready();
          assert.is(frame.bytes, store.bytes);
          assert.is(frame.view, store.view);
          if (!bytes.equals(store.bytes.subarray(frame.start, frame.end))) assert.unreachable(`frame ${i} differs`);
          assert.is(frame.direction, Direction.fromPod);
          assert.is(frame.wireLengthBytes, bytes.length);
          // what the history may write: nothing that is read later
          store.bytes.fill(0xee, frame.start - 4, frame.end);
        }
        while (!source.next(frame)) await source.ready();
        assert.is(frame.vlanTci, 0xa007);
        const total = sent.reduce((sum, { length }) => sum + length, 0);
        assert.ok(store.taken.length > 1);
        assert.ok(store.taken.reduce((sum, length) => sum + length) < total + 3001 * 128 + store.taken.length * 64);
        assert.is(source.counters().kernelDrops, 0);
      },
      { store },
    );
  }),
);

live('with a store the kernel has a block back before its frames are read', () =>
  withLab((lab) =>
    withRing(
      lab,
      async (source) => {
        // The ring is full when the last frame of its first block has not been read: without a store it would stay so.
        const sent = seededFrames(3000, 2);
        lab.send('pod', sent);
        const dropped = source.counters().kernelDrops;
        assert.ok(dropped > 0);
        assert.is((await collect(source, 1)).length, 1);
        lab.send('pod', [LAST]);
        const seen = await collect(source, sent.length - dropped);
        assert.is(source.counters().kernelDrops, dropped);
        assert.ok(seen.at(-1)?.bytes.equals(LAST));
      },
      { ringMb: 1, store: new RoundStore(1 << 20) },
    ),
  ),
);

live('who does not want frames in the store reads them in the ring, and back again', () =>
  withLab((lab) => {
    const store = new RoundStore(1 << 20);
    return withRing(
      lab,
      async (source) => {
        for (const usesStore of [false, true, false]) {
          source.usesStore = usesStore;
          const before = store.taken.length;
          const sent = seededFrames(300, 5);
          lab.send('pod', sent);
          const seen = await collect(source, sent.length);
          assert.ok(seen.every((frame, i) => frame.bytes.equals(sent[i] as Buffer)));
          assert.is(store.taken.length > before, usesStore);
        }
      },
      { store },
    );
  }),
);

for (const [where, store] of [
  ['read there', null],
  ['moved into the store', new RoundStore(1 << 20)],
] as const) {
  live(`blocks that come faster than they are read are spilled, and ${where}: nothing is lost`, () =>
    withLab((lab) =>
      withRing(
        lab,
        async (source) => {
          const sent = seededFrames(10_800, 2);
          const seen: SeenFrame[] = [];
          assert.is(source.backlogLevel(), 0);
          for (let at = 0; at < sent.length; at += 1800) {
            lab.send('pod', sent.slice(at, at + 1800)); // half of the ring: a block counts though it is not full
            seen.push(...(await collect(source, 400)));
          }
          assert.is(source.counters().kernelDrops, 0);
          assert.ok(source.backlogLevel() > 0.125, `${source.backlogLevel()}`);
          seen.push(...(await collect(source, sent.length - seen.length)));
          assert.ok(seen.every((frame, i) => frame.bytes.equals(sent[i] as Buffer)));
          const frame = new Frame();
          while (source.next(frame) || source.next(frame)); // the block that was read last is given back
          assert.is(source.backlogLevel(), 0);
        },
        { ringMb: 3, ...(store === null ? {} : { store }) },
      ),
    ),
  );
}

live('who is behind when the source is closed gets nothing more', () =>
  withLab((lab) =>
    withRing(
      lab,
      async (source) => {
        for (let n = 0; n < 4; n++) {
          lab.send('pod', seededFrames(2700, 2));
          await collect(source, 400);
        }
        assert.ok(source.backlogLevel() > 0.125, `${source.backlogLevel()}`);
        source.close();
        assert.is(source.backlogLevel(), 0);
        assert.not(source.next(new Frame()));
      },
      { ringMb: 3 },
    ),
  ),
);

live('blocks for which the store has no room are read in the ring', () =>
  withLab((lab) => {
    const store = new RoundStore(16 << 10);
    return withRing(
      lab,
      async (source) => {
        const sent = seededFrames(1000, 4);
        lab.send('pod', sent);
        const seen = await collect(source, sent.length);
        lab.send('pod', [LAST]);
        seen.push(...(await collect(source, 1)));
        assert.is(seen.length, 1001);
        seen.forEach((frame, i) => {
          assert.ok(frame.bytes.equals(sent[i] ?? LAST));
        });
        assert.ok(store.taken.length >= 1);
        assert.is(source.counters().kernelDrops, 0);
      },
      { store },
    );
  }),
);

live('what goes out of the host end goes to the pod', () =>
  withLab((lab) =>
    withRing(lab, async (source) => {
      lab.send('host', [tcpFrame(1, Buffer.alloc(0))]);
      lab.send('pod', [LAST]);
      const seen = await collect(source, 2);
      assert.equal(
        seen.map((frame) => frame.direction),
        [Direction.toPod, Direction.fromPod],
      );
    }),
  ),
);

live('inside the pod, in its network namespace, directions are mirrored', () =>
  withLab((lab) =>
    withRing(
      lab,
      async (source) => {
        lab.send('host', [tcpFrame(1, Buffer.alloc(0))]);
        lab.send('pod', [LAST]);
        const seen = await collect(source, 2);
        assert.equal(
          seen.map((frame) => frame.direction),
          [Direction.toPod, Direction.fromPod],
        );
        assert.match(source.description, lab.podName);
      },
      { interfaceIndex: lab.podIndex(lab.podName), side: 'pod', namespacePath: lab.namespacePath },
    ),
  ),
);

live('a VLAN tag that the kernel took out is given beside the frame', () =>
  withLab((lab) =>
    withRing(lab, async (source) => {
      // The kernel takes the outer tag out of every frame that comes in.
      const plain = tcpFrame(5, Buffer.from('payload'));
      const inner = tcpFrame(6, Buffer.from('payload'), '81000009');
      lab.send('pod', [
        tcpFrame(5, Buffer.from('payload'), '8100a007'),
        tcpFrame(6, Buffer.from('payload'), '88a8000881000009'),
        LAST,
      ]);
      const [single, double, last] = await collect(source, 3);
      assert.is(single?.vlanTci, 0xa007);
      assert.is(single?.vlanTpid, 0x8100);
      assert.ok(single?.bytes.equals(plain));
      assert.is(double?.vlanTci, 8);
      assert.is(double?.vlanTpid, 0x88a8);
      assert.ok(double?.bytes.equals(inner));
      assert.is(last?.vlanTci, NO_VLAN);
    }),
  ),
);

live('the default filter takes TCP behind VLAN tags in the frame, and no other UDP than DNS', () =>
  withLab((lab) =>
    withRing(lab, async (source) => {
      const udp = tcpFrame(54, Buffer.from('udp'));
      udp[23] = 17;
      const tagged = [
        tcpFrame(2, Buffer.from('one tag'), '81000007'),
        tcpFrame(3, Buffer.from('two tags'), '88a8000781000008'),
      ];
      lab.send('host', [udp, ...tagged]);
      lab.send('pod', [LAST]);
      const seen = await collect(source, 3);
      assert.equal(
        seen.map((frame) => frame.bytes.toString('hex')),
        [...tagged, LAST].map((frame) => frame.toString('hex')),
      );
    }),
  ),
);

live('`vlan` in an expression means a tag the kernel took out as well', () =>
  withLab((lab) =>
    withRing(
      lab,
      async (source) => {
        const wanted = tcpFrame(1, Buffer.from('wanted'), '81000007');
        lab.send('pod', [tcpFrame(2, Buffer.from('other tag'), '81000008'), LAST, wanted]);
        lab.send('host', [tcpFrame(2, Buffer.from('other tag'), '81000008'), LAST, wanted]);
        const seen = await collect(source, 2);
        assert.equal(
          seen.map((frame) => [frame.vlanTci, frame.bytes.subarray(-6).toString()]),
          [
            [7, 'wanted'],
            [NO_VLAN, 'wanted'],
          ],
        );
      },
      { filter: 'vlan 7 and tcp' },
    ),
  ),
);

live('segmentation offload: frames longer than the MTU come whole', () =>
  withLab(async (lab) => {
    lab.inPod('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'lo'); // a TCP connection of the pod with itself
    const script = `
      const net = require('node:net');
      const total = 8 << 20;
      let got = 0;
      const server = net.createServer((peer) => peer.on('data', (data) => { got += data.length; })
        .on('end', () => process.exit(got === total ? 0 : 1)));
      server.listen(8080, '192.0.2.1', () => net.connect(8080, '192.0.2.1').end(Buffer.alloc(total)));
    `;
    await withRing(
      lab,
      async (source) => {
        const child = spawn('ip', ['netns', 'exec', lab.namespace, process.execPath, '-e', script], {
          stdio: ['ignore', 'inherit', 'inherit'],
        });
        const exited = once(child, 'exit');
        let payload = 0;
        let longest = 0;
        const frame = new Frame();
        // The last segment that the client sends has FIN.
        for (let ended = false; !ended; ) {
          if (!source.next(frame)) {
            await source.ready();
            continue;
          }
          assert.is(frame.end - frame.start, frame.wireLengthBytes);
          const ip = frame.start + 14;
          const tcp = ip + 20;
          if (frame.view.getUint16(tcp + 2) !== 8080) continue;
          longest = Math.max(longest, frame.wireLengthBytes);
          const headers = 20 + (frame.view.getUint8(tcp + 12) >> 4) * 4;
          payload += frame.wireLengthBytes - 14 - headers;
          ended = (frame.view.getUint8(tcp + 13) & 1) !== 0;
        }
        assert.is((await exited)[0], 0);
        assert.is(source.counters().kernelDrops, 0);
        assert.ok(longest > 32_768, `longest frame ${longest}`);
        // a loaded machine may send some of it again; twice all of it would be loopback shown twice
        assert.ok(payload >= 8 << 20 && payload < 12 << 20, `${payload} bytes`);
      },
      { interfaceIndex: lab.podIndex('lo'), namespacePath: lab.namespacePath, side: 'pod', ringMb: 32 },
    );
  }),
);

live('loopback shows every frame once', async () => {
  const source = openRingSource({ interfaceIndex: interfaceIndex('lo'), side: 'pod', ringMb: 1, filter: 'udp' });
  const receiver = createSocket('udp4');
  receiver.bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const { port } = receiver.address();
  for (let i = 0; i < 5; i++) receiver.send(`loop ${i} ${port}`, port, '127.0.0.1');
  const seen: string[] = [];
  while (!seen.includes(`loop 4 ${port}`)) {
    for (const frame of await collect(source, 1)) {
      const text = frame.bytes.subarray(42).toString('latin1');
      if (text.endsWith(` ${port}`)) seen.push(text);
      assert.is(frame.direction, Direction.unknown);
    }
  }
  source.close();
  receiver.close();
  assert.equal(
    seen,
    [0, 1, 2, 3, 4].map((i) => `loop ${i} ${port}`),
  );
});

live('an interface without a link header gives IP packets', async () => {
  const tun = openTun();
  const source = openRingSource({ interfaceIndex: interfaceIndex(tun.name), side: 'host', ringMb: 1 });
  try {
    const packet = tcpPacket(7, Buffer.from('no link header'));
    tun.receive(packet);
    const [seen] = await collect(source, 1);
    assert.is(seen?.linkType, LinkType.raw);
    assert.ok(seen?.bytes.equals(packet));
    assert.is(seen?.direction, Direction.fromPod);
  } finally {
    source.close();
    tun.close();
  }
});

live('a link that goes down and comes up again goes on', () =>
  withLab((lab) =>
    withRing(lab, async (source) => {
      lab.send('pod', [LAST]);
      assert.is((await collect(source, 1)).length, 1);
      const waiting = source.ready();
      lab.inPod('ip', 'link', 'set', lab.podName, 'down');
      run('ip', 'link', 'set', lab.hostName, 'down');
      run('ip', 'link', 'set', lab.hostName, 'up');
      lab.inPod('ip', 'link', 'set', lab.podName, 'up');
      lab.send('pod', [LAST]);
      assert.is(await waiting, 'readable');
      assert.is((await collect(source, 1)).length, 1);
    }),
  ),
);

live('an interface that is deleted is gone, after its last frames', () =>
  withLab((lab) =>
    withRing(lab, async (source) => {
      lab.send('pod', [LAST, LAST]);
      lab.inPod('ip', 'link', 'del', lab.podName);
      const { seen, state } = await drain(source);
      assert.is(seen.length, 2);
      assert.is(state, 'gone');
      assert.is(await source.ready(), 'gone');
    }),
  ),
);

live('an interface that went down first and is deleted later is gone too', () =>
  withLab((lab) =>
    withRing(lab, async (source) => {
      const waiting = source.ready();
      run('ip', 'link', 'set', lab.hostName, 'down');
      const sooner = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 100, 'still waiting'))]);
      assert.is(sooner, 'still waiting');
      run('ip', 'link', 'del', lab.hostName);
      assert.is(await waiting, 'gone');
    }),
  ),
);

live('closing answers who waits, takes the views back, and stale views read as zeros', () =>
  withLab(async (lab) => {
    const source = openRingSource({ interfaceIndex: lab.hostIndex, side: 'host', ringMb: 1 });
    lab.send('pod', [LAST]);
    assert.is(await source.ready(), 'readable');
    const frame = new Frame();
    assert.ok(source.next(frame));
    const stale = frame.bytes;
    const position = frame.start;
    assert.is(stale[position], LAST[0]);
    assert.not.ok(source.next(new Frame()));
    const waiting = source.ready();
    source.close();
    source.close();
    assert.is(await waiting, 'closed');
    assert.is(await source.ready(), 'closed');
    assert.is(frame.bytes.length, 0);
    assert.is(stale[position], 0);
    assert.not.ok(source.next(frame));
    assert.is(source.counters().frames, 1);
  }),
);

live('frames the kernel had no room for are counted', () =>
  withLab((lab) =>
    withRing(
      lab,
      async (source) => {
        const sent = seededFrames(3000, 2); // over 2 MiB into a ring of 1 MiB
        lab.send('pod', sent);
        const dropped = source.counters().kernelDrops;
        assert.ok(dropped > 0);
        assert.is(source.counters().kernelDrops, dropped);
        const seen = await collect(source, sent.length - dropped);
        assert.is(seen.length, sent.length - dropped);
        seen.forEach((frame, i) => {
          assert.ok(frame.bytes.equals(sent[i] as Buffer));
        });
        lab.send('pod', [LAST]);
        assert.is((await collect(source, 1)).length, 1);
      },
      { ringMb: 1 },
    ),
  ),
);

live('it may rest while blocks come full, and still wakes up for a single frame', () =>
  withLab((lab) =>
    withRing(
      lab,
      async (source) => {
        const sent = seededFrames(3000, 4);
        const ROUNDS = 20; // no more than the ring has room for, however slowly it is read
        const argv = ['netns', 'exec', lab.namespace, 'tcpreplay', '-q', '--topspeed', `--loop=${ROUNDS}`];
        const sender = spawn('ip', [...argv, '-i', lab.podName, lab.file(pcapFile(recordsOf(sent)))]);
        const ended = once(sender, 'close');
        assert.is((await collect(source, ROUNDS * sent.length)).length, ROUNDS * sent.length);
        await ended;
        for (let i = 0; i < 3; i++) {
          lab.send('pod', [LAST]);
          assert.is((await collect(source, 1)).length, 1);
        }
        assert.is(source.counters().kernelDrops, 0);
      },
      { ringMb: 64 },
    ),
  ),
);

live('a frame is read long before its block is handed over', () =>
  withLab((lab) =>
    withRing(lab, async (source) => {
      lab.send('pod', [LAST]);
      const sentMs = performance.now();
      assert.is((await collect(source, 1)).length, 1);
      assert.ok(performance.now() - sentMs < RETIRE_MS / 2);
    }),
  ),
);

live('quiet traffic survives a stall of five seconds in a small ring', () =>
  withLab((lab) =>
    withRing(
      lab,
      async (source) => {
        const sent = seededFrames(500, 6);
        const argv = ['netns', 'exec', lab.namespace, 'tcpreplay', '-q', '--pps=100', '-i', lab.podName];
        const sender = spawn('ip', [...argv, lab.file(pcapFile(recordsOf(sent)))], { stdio: 'ignore' });
        const ended = once(sender, 'close');
        const untilMs = performance.now() + 5000;
        while (performance.now() < untilMs); // the event loop stands still
        const seen = await collect(source, sent.length);
        await ended;
        assert.ok(seen.every((frame, i) => frame.bytes.equals(sent[i] as Buffer)));
        assert.is(source.counters().kernelDrops, 0);
      },
      { ringMb: 2 },
    ),
  ),
);

live('the process ends when the last source is closed', () =>
  withLab(async (lab) => {
    const module = new URL('../../src/capture/open-ring-source.js', import.meta.url).href;
    const script = `
      import { openRingSource } from '${module}';
      const source = openRingSource({ interfaceIndex: ${lab.hostIndex}, side: 'host', ringMb: 1 });
      source.ready().then((state) => console.log(state));
      setTimeout(() => source.close(), 20);
    `;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.is(child.stderr, '');
    assert.is(child.stdout, 'closed\n');
    assert.is(child.status, 0);
  }),
);

live('what cannot be opened is said', () =>
  withLab(async (lab) => {
    const open = (options: object) => openRingSource({ interfaceIndex: lab.hostIndex, side: 'host', ...options });
    assert.throws(() => open({ interfaceIndex: 2_000_000_000 }), /interface 2000000000: there is none/);
    assert.throws(() => open({ filter: 'tcp and and' }), /^PCAP_FILTER: .*syntax error/);
    assert.throws(() => open({ namespacePath: '/run/netns/none-of-that-name' }), /ENOENT/);
  }),
);

test.run();
