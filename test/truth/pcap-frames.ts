import { Readable } from 'node:stream';
import { openFileSource } from '../../src/capture/file-source.ts';
import { Frame } from '../../src/model/frame.ts';
import type { Captured } from './captured.ts';

/** Reads all frames of a capture file. */
export async function framesOf(file: string | Uint8Array): Promise<Captured[]> {
  const isPath = typeof file === 'string';
  const source = await openFileSource(isPath ? file : '-', isPath ? {} : { stdin: Readable.from([Buffer.from(file)]) });
  const frame = new Frame();
  const frames: Captured[] = [];
  try {
    do {
      while (source.next(frame)) {
        const { timeUs, linkType, wireLengthBytes } = frame;
        frames.push({ timeUs, linkType, wireLengthBytes, bytes: frame.bytes.slice(frame.start, frame.end) });
      }
    } while ((await source.ready()) === 'readable');
  } finally {
    source.close();
  }
  return frames;
}
