import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RingBlocks } from '../../src/capture/ring-blocks.ts';
import {
  BLOCK_FIRST_FRAME_OFFSET,
  BLOCK_FRAME_COUNT,
  BLOCK_STATUS,
  BLOCK_USED_BYTES,
  FRAME_NEXT_OFFSET,
  FRAME_SECONDS,
  FRAME_STATUS,
  TP_STATUS_KERNEL,
  TP_STATUS_USER,
} from '../../src/capture/ring-words.ts';
import { SpillPool } from '../../src/capture/spill-pool.ts';
import type { FrameStore } from '../../src/model/frame-store.ts';

const BLOCK_BYTES = 4096;
const BLOCKS = 8;
const BLOCK_HEADER_BYTES = 48;
const FRAME_BYTES = 128;

/** Writes into memory what the kernel writes into a packet ring, frames being numbers. */
class Kernel {
  readonly memory = new ArrayBuffer(BLOCKS * BLOCK_BYTES);
  readonly #words = new Int32Array(this.memory);
  #block = -1;
  #frames = 0;

  constructor() {
    this.#open();
  }

  /** Adds a frame to the open block; `isCopied` false: it is counted, but what is in it is still from the last time. */
  add(number: number, isCopied = true): void {
    const frame = this.#start(this.#frames++);
    this.#words[frame + FRAME_NEXT_OFFSET] = FRAME_BYTES;
    this.#words[frame + FRAME_STATUS] = isCopied ? TP_STATUS_USER : 0;
    this.#words[frame + FRAME_SECONDS] = number;
    this.#words[this.#header + BLOCK_FRAME_COUNT] = this.#frames;
    this.#words[this.#header + BLOCK_USED_BYTES] = BLOCK_HEADER_BYTES + this.#frames * FRAME_BYTES;
  }

  /** The last frame is in place. */
  copied(): void {
    this.#words[this.#start(this.#frames - 1) + FRAME_STATUS] = TP_STATUS_USER;
  }

  /** Begins to hand the open block over: no frame comes after its last one. */
  close(): void {
    this.#words[this.#start(this.#frames - 1) + FRAME_NEXT_OFFSET] = 0;
  }

  /** Hands the open block over, and opens the next one if it has it back. */
  handOver(): void {
    if (this.#frames > 0) this.close();
    this.#words[this.#header + BLOCK_STATUS] = TP_STATUS_USER;
    this.#open();
  }

  /** Opens the next block; false when the reader has it. */
  #open(): boolean {
    const next = (this.#block + 1) % BLOCKS;
    if (this.#words[(next * BLOCK_BYTES) / 4 + BLOCK_STATUS] !== TP_STATUS_KERNEL) return false;
    this.#block = next;
    this.#frames = 0;
    this.#words[this.#header + BLOCK_FRAME_COUNT] = 0;
    this.#words[this.#header + BLOCK_FIRST_FRAME_OFFSET] = BLOCK_HEADER_BYTES;
    return true;
  }

  get #header(): number {
    return (this.#block * BLOCK_BYTES) / 4;
  }

  #start(frame: number): number {
    return this.#header + (BLOCK_HEADER_BYTES + frame * FRAME_BYTES) / 4;
  }
}

/** The numbers of the frames in what is open. */
function numbers(blocks: RingBlocks): number[] {
  const { words } = blocks.memory;
  const found: number[] = [];
  for (let i = 0, frame = blocks.firstFrame; i < blocks.frames; i++) {
    found.push(words[frame + FRAME_SECONDS] as number);
    frame += (words[frame + FRAME_NEXT_OFFSET] as number) >>> 2;
  }
  return found;
}

function openAll(blocks: RingBlocks, store: FrameStore | null): number[] {
  const found: number[] = [];
  while (blocks.open(store)) found.push(...numbers(blocks));
  return found;
}

function makeStore(): FrameStore {
  const words = new Int32Array(1 << 16);
  let at = 0;
  return {
    words,
    bytes: new Uint8Array(words.buffer),
    view: new DataView(words.buffer),
    take: (lengthBytes) => {
      const start = at;
      at += (lengthBytes + 15) & ~15;
      return start;
    },
  };
}

const ring = suite('ring blocks');

let pool: SpillPool;
ring.before(() => {
  pool = new SpillPool();
});
ring.after(() => pool.close());

ring('the last frame of a block that is being handed over is read with the block', () => {
  for (const store of [null, makeStore()]) {
    const kernel = new Kernel();
    const blocks = new RingBlocks(kernel.memory, BLOCK_BYTES, pool);
    kernel.add(1);
    kernel.add(2);
    blocks.look();
    blocks.look();
    kernel.close();
    assert.equal(openAll(blocks, store), [1]);
    kernel.handOver();
    assert.equal(openAll(blocks, store), [2]);
  }
});

for (const [where, storeOf] of [
  ['in the ring', () => null],
  ['out of the store', makeStore],
] as const) {
  ring(`frames are read ${where} before the block is handed over, each once`, () => {
    const kernel = new Kernel();
    const blocks = new RingBlocks(kernel.memory, BLOCK_BYTES, pool);
    const store = storeOf();
    assert.not(blocks.look());
    kernel.add(1);
    kernel.add(2);
    assert.ok(blocks.look());
    assert.not(blocks.isReady(), 'they may not be there yet');
    assert.equal(openAll(blocks, store), []);
    kernel.add(3);
    assert.ok(blocks.look());
    assert.equal(openAll(blocks, store), [1, 2]);
    assert.not(blocks.isReady());
    assert.ok(blocks.look());
    assert.equal(openAll(blocks, store), [3]);
    assert.not(blocks.look());
    kernel.add(4);
    kernel.handOver();
    kernel.add(5);
    assert.ok(blocks.isReady(), 'what was handed over can be read at once');
    assert.equal(openAll(blocks, store), [4]);
    assert.ok(blocks.look());
    assert.not(blocks.isReady());
    assert.ok(blocks.look());
    assert.equal(openAll(blocks, store), [5]);
    kernel.handOver();
    assert.equal(openAll(blocks, store), []);
    assert.is(blocks.givenBack, 2, 'also the block of which all was read');
  });
}

ring('a frame that is counted, but not yet copied, waits, and so do those behind it', () => {
  const kernel = new Kernel();
  const blocks = new RingBlocks(kernel.memory, BLOCK_BYTES, pool);
  kernel.add(1);
  kernel.add(2, false);
  blocks.look();
  blocks.look();
  assert.equal(openAll(blocks, null), [1]);
  blocks.look();
  assert.equal(openAll(blocks, null), []);
  kernel.copied();
  assert.equal(openAll(blocks, null), [2]);
});

ring('what a block held the last time round is not read again', () => {
  const kernel = new Kernel();
  const blocks = new RingBlocks(kernel.memory, BLOCK_BYTES, pool);
  for (let number = 1; number <= 3 * BLOCKS; number++) {
    kernel.add(number);
    kernel.handOver();
    assert.equal(openAll(blocks, null), [number]);
    blocks.look();
    assert.not(blocks.look());
    assert.equal(openAll(blocks, null), []);
  }
});

ring('of a block that was read early only the rest goes into the store, and nothing of one without a rest', () => {
  const kernel = new Kernel();
  const blocks = new RingBlocks(kernel.memory, BLOCK_BYTES, pool);
  const store = makeStore();
  const taken: number[] = [];
  const counting: FrameStore = {
    ...store,
    take: (lengthBytes) => {
      taken.push(lengthBytes);
      return store.take(lengthBytes);
    },
  };
  for (let number = 1; number <= 6; number++) kernel.add(number);
  blocks.look();
  blocks.look();
  assert.is(openAll(blocks, counting).length, 6);
  kernel.add(7);
  kernel.handOver();
  assert.equal(openAll(blocks, counting), [7]);
  kernel.add(8);
  blocks.look();
  blocks.look();
  assert.equal(openAll(blocks, counting), [8]);
  kernel.handOver();
  assert.equal(openAll(blocks, counting), []);
  assert.equal(
    taken,
    [6, 1, 1].map((frames) => frames * FRAME_BYTES),
  );
});

ring('what was read early stays out of what is spilled', () => {
  const kernel = new Kernel();
  const blocks = new RingBlocks(kernel.memory, BLOCK_BYTES, pool);
  kernel.add(1);
  kernel.add(2);
  blocks.look();
  blocks.look();
  assert.ok(blocks.open(null));
  assert.equal(numbers(blocks), [1, 2]);
  kernel.add(3);
  for (let number = 4; number < 4 + BLOCKS / 2; number++) {
    kernel.handOver();
    kernel.add(number);
  }
  kernel.handOver();
  blocks.spill();
  assert.is(blocks.level, 0, 'frames that are being read keep their place');
  assert.equal(numbers(blocks), [1, 2]);
  assert.ok(blocks.open(null));
  assert.ok(blocks.level > 0);
  assert.equal([...numbers(blocks), ...openAll(blocks, null)], [3, 4, 5, 6, 7]);
});

ring('blocks that were handed over are told until they are given back', () => {
  const kernel = new Kernel();
  const blocks = new RingBlocks(kernel.memory, BLOCK_BYTES, pool);
  kernel.add(1);
  assert.not(blocks.isHandedOver);
  kernel.handOver();
  assert.ok(blocks.isHandedOver);
  assert.equal(openAll(blocks, null), [1]);
  assert.not(blocks.isHandedOver);
  blocks.close();
  assert.not(blocks.look());
  assert.not(blocks.isReady());
});

ring.run();
