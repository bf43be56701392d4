import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CapSource, openCapSource } from '../../src/capture/cap-source.ts';
import { Direction, Frame } from '../../src/model/frame.ts';
import { LinkType } from '../../src/model/link-type.ts';
import { seededFrames, tcpFrame } from '../tools/capture-bytes.ts';
import { collect, drain, type Lab, live, run, type SeenFrame, withLab } from './lab.ts';

const LAST = tcpFrame(9, Buffer.from('the last one'));

async function withCap(
  lab: Lab,
  body: (source: CapSource) => Promise<void>,
  options: Partial<Parameters<typeof openCapSource>[0]> = {},
): Promise<void> {
  const source = openCapSource({ interfaceIndex: lab.hostIndex, ...options });
  try {
    await body(source);
  } finally {
    source.close();
  }
}

live('cap sees exactly the frames that were sent, in order', () =>
  withLab((lab) =>
    withCap(lab, async (source) => {
      const sent = seededFrames(500, 3);
      const beforeUs = (Date.now() - 3) * 1000;
      const seen: SeenFrame[] = [];
      // In parts: libpcap's buffer has 64 KiB for each frame on an interface with segmentation offload.
      for (let i = 0; i < sent.length; i += 100) {
        lab.send('pod', sent.slice(i, i + 100));
        seen.push(...(await collect(source, 100)));
      }
      const afterUs = (Date.now() + 3) * 1000;
      assert.is(seen.length, sent.length);
      seen.forEach((frame, i) => {
        assert.ok(frame.bytes.equals(sent[i] as Buffer), `frame ${i} differs`);
        assert.is(frame.linkType, LinkType.ethernet);
        assert.is(frame.direction, Direction.unknown);
        assert.ok(frame.timeUs >= beforeUs && frame.timeUs <= afterUs);
      });
      const bytes = sent.reduce((sum, frame) => sum + frame.length, 0);
      assert.equal(source.counters(), { frames: sent.length, bytes, kernelDrops: -1, agentDrops: 0 });
    }),
  ),
);

live('cap works inside the network namespace of the pod', () =>
  withLab((lab) =>
    withCap(
      lab,
      async (source) => {
        lab.send('host', [LAST]);
        const [seen] = await collect(source, 1);
        assert.ok(seen?.bytes.equals(LAST));
        lab.inPod('ip', 'link', 'del', lab.podName);
        assert.is((await drain(source)).state, 'gone');
      },
      { interfaceIndex: lab.podIndex(lab.podName), namespacePath: lab.namespacePath },
    ),
  ),
);

live('cap survives a link that goes down, and goes on when it is up again', () =>
  withLab((lab) =>
    withCap(lab, async (source) => {
      const waiting = source.ready();
      run('ip', 'link', 'set', lab.hostName, 'down');
      // Let the event loop look at the descriptor: this is where an unprepared `cap` aborts the process.
      await new Promise((resolve) => setTimeout(resolve, 50));
      run('ip', 'link', 'set', lab.hostName, 'up');
      lab.waitUntilUp();
      lab.send('pod', [LAST]);
      assert.is(await waiting, 'readable');
      assert.is((await collect(source, 1)).length, 1);
    }),
  ),
);

live('frames of other interfaces do not come, though the socket listens on all of them', () =>
  withLab((lab) =>
    withLab((other) =>
      withCap(
        lab,
        async (source) => {
          other.send('pod', [tcpFrame(1, Buffer.from('somebody else'))]);
          lab.send('pod', [LAST]);
          const seen = await collect(source, 1);
          assert.ok(seen[0]?.bytes.equals(LAST));
        },
        { filter: '' },
      ),
    ),
  ),
);

live('frames for which there is no room are counted', () =>
  withLab((lab) =>
    withCap(
      lab,
      async (source) => {
        run('ip', 'link', 'set', lab.hostName, 'mtu', '65535');
        lab.inPod('ip', 'link', 'set', lab.podName, 'mtu', '65535');
        const frame = tcpFrame(1, Buffer.alloc(60_000));
        // In parts that the kernel's buffer takes, until the queue is full.
        let sent = 0;
        while (source.counters().agentDrops === 0) {
          lab.send('pod', Array(8).fill(frame));
          sent += 8;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        assert.ok(sent >= (1 << 20) / 60_100 - 1, `full after ${sent} frames`);
        assert.is(await source.ready(), 'readable');
        const first = new Frame();
        assert.ok(source.next(first));
        assert.ok(Buffer.from(first.bytes.subarray(first.start, first.end)).equals(frame));
      },
      { ringMb: 1 },
    ),
  ),
);

live('the process ends when the last source is closed', () =>
  withLab(async (lab) => {
    const module = new URL('../../src/capture/cap-source.js', import.meta.url).href;
    const script = `
      import { openCapSource } from '${module}';
      const source = openCapSource({ interfaceIndex: ${lab.hostIndex} });
      source.ready().then((state) => console.log(state));
      setTimeout(() => source.close(), 20);
    `;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.is(child.stdout, 'closed\n');
    assert.is(child.status, 0);
  }),
);

live('what cannot be opened is said', () =>
  withLab(async (lab) => {
    assert.throws(() => openCapSource({ interfaceIndex: 2_000_000_000 }), /there is none with that index/);
    assert.throws(() => openCapSource({ interfaceIndex: lab.hostIndex, filter: 'ip and' }), /^PCAP_FILTER: /);
  }),
);

live('closing answers who waits', () =>
  withLab(async (lab) => {
    const source = openCapSource({ interfaceIndex: lab.hostIndex });
    const waiting = source.ready();
    source.close();
    source.close();
    assert.is(await waiting, 'closed');
    assert.is(await source.ready(), 'closed');
    assert.not.ok(source.next(new Frame()));
  }),
);

test.run();
