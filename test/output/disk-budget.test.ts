import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DiskBudget, type DiskBudgetOptions } from '../../src/output/disk-budget.ts';
import { makeScratch, removeScratch } from './scratch.ts';

const KIB = 1024;
const budget = suite('disk budget');
budget.after.each(removeScratch);

/** Makes files of 16 KiB (whole blocks everywhere), the first the oldest. */
async function makeFiles(directory: string, names: readonly string[]): Promise<void> {
  for (const [age, name] of names.entries()) {
    const path = join(directory, name);
    await writeFile(path, Buffer.alloc(16 * KIB));
    await utimes(path, 1_700_000_000 + age, 1_700_000_000 + age);
  }
}

function makeBudget(directory: string, maxKib: number, options: Partial<DiskBudgetOptions> = {}) {
  const deleted: string[] = [];
  const errors: string[] = [];
  const made = new DiskBudget({
    directory,
    maxBytes: maxKib * KIB,
    maxPcaps: 1_000,
    isOpen: () => false,
    onDeleted: (name) => deleted.push(name),
    onError: (message) => errors.push(message),
    ...options,
  });
  return { budget: made, deleted, errors };
}

const flows = (second: number) => `flows_2023_11_14_22_13_${second}.log`;

budget('the oldest finished files go first, until there is some room', async () => {
  const directory = makeScratch();
  const pcap = 'dump_10.0.0.1_10.0.0.2_1_2_2023_11_14_22_13_11.pcap';
  await makeFiles(directory, [flows(10), pcap, flows(12), 'outputfile.1.txt', flows(14), flows(15)]);
  const { budget: disk, deleted, errors } = makeBudget(directory, 72);
  await disk.enforce();
  assert.equal(deleted, [flows(10), pcap]);
  assert.equal((await readdir(directory)).sort(), [flows(12), flows(14), flows(15), 'outputfile.1.txt'].sort());
  assert.equal(errors, []);
});

budget('pcaps are bounded in number, whatever their size', async () => {
  const directory = makeScratch();
  const pcap = (second: number) => `dump_10.0.0.1_10.0.0.2_1_2_2023_11_14_22_13_${second}.pcap`;
  await makeFiles(directory, [flows(10), ...Array.from({ length: 10 }, (_, i) => pcap(10 + i)), `x${pcap(1)}`]);
  const { budget: disk, deleted, errors } = makeBudget(directory, 1_000_000, { maxPcaps: 10 });
  await disk.enforce();
  assert.equal(deleted, [], 'as many as there may be');
  await makeFiles(directory, [pcap(20)]);
  await utimes(join(directory, pcap(20)), 1_700_000_100, 1_700_000_100);
  disk.wrote(16 * KIB, 1);
  await disk.enforce();
  assert.equal(deleted, [pcap(10), pcap(11)]);
  disk.setLimits(1_000_000 * KIB, 1);
  await disk.enforce();
  assert.equal((await readdir(directory)).sort(), [pcap(20), flows(10), `x${pcap(1)}`].sort());
  assert.equal(errors, []);
});

budget('what is open, hidden, or not the agent’s is never deleted', async () => {
  const directory = makeScratch();
  const stay = [flows(10), 'outputfile.txt', '.dump_a.pcap.tmp', 'notes.log', 'flows_of_mine.log', 'core.pcap'];
  await makeFiles(directory, [...stay, flows(20)]);
  await mkdir(join(directory, 'flows_2023.log'));
  const isOpen = (name: string) => name === flows(10);
  const { budget: disk, deleted, errors } = makeBudget(directory, 32, { isOpen });
  await disk.enforce();
  await disk.enforce();
  assert.equal(deleted, [flows(20)]);
  assert.equal(errors, [
    `Cannot keep ${directory} under 32768 bytes: 98304 bytes are left in files that are open or not the agent's; raise MAX_LOG_MB`,
  ]);
});

budget('within the budget nothing is deleted', async () => {
  const directory = makeScratch();
  await makeFiles(directory, [flows(10), flows(11)]);
  const { budget: disk, deleted } = makeBudget(directory, 64);
  await disk.enforce();
  assert.equal(deleted, []);
});

budget('it looks by itself when what was written may be too much', async () => {
  const directory = makeScratch();
  const gone = new Promise<string>((resolve) => {
    const { budget: disk } = makeBudget(directory, 64, { onDeleted: resolve });
    void makeFiles(directory, [flows(10), flows(11)])
      .then(() => disk.enforce())
      .then(() => makeFiles(directory, [flows(20), flows(21)]))
      .then(() => disk.wrote(32 * KIB));
  });
  assert.match(await gone, /^flows_2023/);
});

budget('a smaller budget counts at once', async () => {
  const directory = makeScratch();
  await makeFiles(directory, [flows(10), flows(11), flows(12)]);
  const { budget: disk, deleted } = makeBudget(directory, 100);
  await disk.enforce();
  disk.setLimits(24 * KIB, 1_000);
  await disk.enforce();
  assert.equal(deleted, [flows(10), flows(11)]);
});

budget('a directory that is gone is told once and stops nothing', async () => {
  const directory = join(makeScratch(), 'none');
  const { budget: disk, errors } = makeBudget(directory, 100);
  await disk.enforce();
  await disk.enforce();
  assert.is(errors.length, 1);
  assert.match(errors[0], `Cannot keep ${directory} under 102400 bytes: ENOENT`);
  await mkdir(directory);
  await disk.enforce();
  assert.is(errors.length, 1);
});

budget.run();
