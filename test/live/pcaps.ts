import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../lab/wait.ts';

/** A packet of a capture file, as tshark reads it. */
export interface PcapPacket {
  readonly timeUs: number;
  readonly capturedBytes: number;
  readonly wireBytes: number;
  readonly fromPort: number;
  /** As on the wire. */
  readonly sequence: number;
  readonly payloadBytes: number;
  /** The TCP flags, FIN in the lowest bit. */
  readonly flags: number;
}

const FIELDS = [
  'frame.time_epoch',
  'frame.cap_len',
  'frame.len',
  'tcp.srcport',
  'tcp.seq_raw',
  'tcp.len',
  'tcp.flags',
] as const;

/** What tshark says to root whatever it reads. */
const IDLE_WORDS = /^Running as user "root".*\n/;

function quiet(...argv: string[]): string {
  const [file = '', ...rest] = argv;
  const { status, stdout, stderr } = spawnSync(file, rest, { encoding: 'utf8', maxBuffer: 1 << 28 });
  const complaint = stderr.replace(IDLE_WORDS, '');
  if (status !== 0 || complaint !== '') throw new Error(`${argv.join(' ')}: status ${status}\n${complaint}`);
  return stdout;
}

/** The packets of a capture file. @throws Error when tshark or capinfos complain about it. */
export function readPcap(path: string): PcapPacket[] {
  quiet('capinfos', path);
  const fields = FIELDS.flatMap((field) => ['-e', field]);
  return quiet('tshark', '-n', '-r', path, '-T', 'fields', ...fields)
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [timeS, capturedBytes, wireBytes, fromPort, sequence, payloadBytes, flags] = line.split('\t').map(Number);
      return { timeUs: timeS * 1e6, capturedBytes, wireBytes, fromPort, sequence, payloadBytes, flags };
    });
}

/** The comments on the packets of a capture file, by the packet's number; those without are left out. */
export function readComments(path: string): Record<number, string> {
  const fields = ['-T', 'fields', '-e', 'frame.number', '-e', 'frame.comment'];
  const rows = quiet('tshark', '-n', '-r', path, ...fields, '-Y', 'frame.comment')
    .trimEnd()
    .split('\n');
  return Object.fromEntries(rows.map((row) => row.split('\t')));
}

/** Has capinfos look at many files at once. @throws Error when it complains about one. */
export function checkPcaps(paths: readonly string[]): void {
  quiet('capinfos', ...paths);
}

/** Waits until a finished pcap is there whose name is, or fits, `name`; gives its path. */
export function pcapOf(directory: string, name: string | RegExp, timeoutMs = 10_000): Promise<string> {
  const fits = (file: string) => (typeof name === 'string' ? file === name : name.test(file));
  return waitFor(
    `the pcap ${name}`,
    () => {
      const found = readdirSync(directory).find((file) => /\.pcap(ng)?$/.test(file) && fits(file));
      return found && join(directory, found);
    },
    { timeoutMs, describe: () => readdirSync(directory).join('\n') },
  );
}

/** When a file was finished, by the wall clock in microseconds: it is written, synced, and only then named. */
export const writtenUs = (path: string): number => statSync(path).ctimeMs * 1_000;
