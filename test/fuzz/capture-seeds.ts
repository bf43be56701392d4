import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CAPTURE_FILE_HEADER_BYTES } from '../../src/model/packet-records.ts';
import { pcapngParts } from '../../src/output/pcapng-file.ts';
import { makeScenario } from '../golden/make-scenario.ts';
import { SCENARIOS } from '../golden/scenarios.ts';
import { pcapFile, recordsOf } from '../tools/capture-bytes.ts';
import { httpContent, plainContent, tlsContent } from '../tools/content.ts';
import { makeCapture } from '../tools/make-capture.ts';
import { Random } from '../tools/random.ts';
import { samples } from './frames.ts';

/** Captures of other people, where they are. */
const FOREIGN = '../shared/conformance/captures';
/** A longer file costs time and is not more telling. */
const MOST_BYTES = 96 * 1024;
const CONNECTIONS = 30;

/** Sound capture files to begin with. */
export interface CaptureSeeds {
  /** Every link type, TCP in all its phases, TLS, HTTP, pcap and pcapng. */
  readonly own: readonly Buffer[];
  /** Captures of other people; none where there are none. */
  readonly foreign: readonly Buffer[];
}

/** All of them; the same each time. */
export function captureSeeds(): CaptureSeeds {
  const random = new Random(1);
  const frames = samples(random, 150);
  const mixed = [...new Set(frames.map(({ linkType }) => linkType))].map((linkType) => {
    const ofType = frames.filter((frame) => frame.linkType === linkType).slice(0, 300);
    return pcapFile(recordsOf(ofType.map(({ bytes }) => bytes)), { linkType });
  });
  const pcaps = [...SCENARIOS.map(makeScenario), ...mixed, ...conversations()].map(shortened);
  return { own: [...pcaps, ...pcaps.map(asPcapng)], foreign: foreign() };
}

function conversations(): Buffer[] {
  const directory = mkdtempSync(join(tmpdir(), 'dllt-fuzz-'));
  try {
    const path = join(directory, 'capture.pcap');
    return [httpContent, tlsContent, plainContent].map((content, seed) => {
      makeCapture(path, { connections: CONNECTIONS, contents: [content], resets: 0.4, seed });
      return readFileSync(path);
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function foreign(): Buffer[] {
  const names = readdirIfThere(FOREIGN).filter((name) => /\.pcap(ng)?$/.test(name));
  return names.map((name) => readFileSync(join(FOREIGN, name))).filter(({ length }) => length <= MOST_BYTES);
}

function readdirIfThere(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The first records of a classic capture file, little-endian. */
function shortened(pcap: Buffer): Buffer {
  let end = CAPTURE_FILE_HEADER_BYTES;
  while (end < pcap.length && end < MOST_BYTES) end += 16 + pcap.readUInt32LE(end + 8);
  return pcap.subarray(0, end);
}

function asPcapng(pcap: Buffer): Buffer {
  const bytes = pcap.subarray(CAPTURE_FILE_HEADER_BYTES);
  let packets = 0;
  for (let at = 0; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8)) packets++;
  const origin = { interfaceName: 'veth1a2b', description: 'pod shop/web', filter: 'tcp' };
  const notes = { connection: 'process 7 nginx', packets: [] };
  const records = { linkType: pcap.readUInt32LE(20), packets, omittedPackets: 0, bytes };
  return Buffer.concat([...pcapngParts(records, notes, origin, null)].map((part) => Buffer.from(part)));
}
