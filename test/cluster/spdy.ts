import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Command, type RunningCommand, runCommand } from './remote-command.ts';

/** Types of control frames, and the flag of a stream's last frame (SPDY/3.1 §2.2, §2.6). */
const Frame = { synStream: 1, synReply: 2, ping: 6 } as const;
const CONTROL_BIT = 0x8000;
const VERSION = 3;
const FIN = 1;

const HEADER_BYTES = 8;
const MAX_LENGTH = 0xffffff;

/**
 * No headers, in the connection's one deflate stream (RFC 1950, 1951): a stored block with a count of zero, and an empty
 * one that flushes it. The stream's own header comes before the first.
 */
const NO_HEADERS = Buffer.from([0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
const DEFLATE_HEADER = Buffer.from([0x78, 0x01]);

/** Answers an upgrade to SPDY, as kubectl before 1.31 asks for it, with the output of a command. */
export function execOverSpdy(request: IncomingMessage, socket: Duplex, head: Buffer, command: Command): void {
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n',
  );
  const { searchParams } = new URL(request.url ?? '/', 'http://api');
  // kubectl opens its streams in this order; so their headers, which say the same, need not be read
  const expected = ['error', 'stdin', 'stdout', 'stderr'].filter(
    (it) => it === 'error' || searchParams.get(it) === 'true',
  );
  const streams = new Map<string, number>();
  let input: RunningCommand | null = null;
  let pending = head;

  const send = (stream: string, chunk: Buffer, flags = 0) => {
    const id = streams.get(stream);
    if (id === undefined) return;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(id, 0);
    header.writeUInt32BE(((flags << 24) | chunk.length) >>> 0, 4);
    socket.write(Buffer.concat([header, chunk]));
  };
  const onStream = (id: number) => {
    const block = streams.size === 0 ? Buffer.concat([DEFLATE_HEADER, NO_HEADERS]) : NO_HEADERS;
    const stream = expected[streams.size];
    if (stream === undefined) throw new Error(`Cannot use stream ${id}: kubectl wants no more than ${expected}`);
    streams.set(stream, id);
    const idBytes = Buffer.alloc(4);
    idBytes.writeUInt32BE(id);
    socket.write(control(Frame.synReply, Buffer.concat([idBytes, block])));
    if (streams.size < expected.length) return;
    input = runCommand(command, {
      stdout: (chunk) => send('stdout', chunk),
      stderr: (chunk) => send('stderr', chunk),
      status: (status) => {
        for (const output of ['stdout', 'stderr']) send(output, Buffer.alloc(0), FIN);
        send('error', Buffer.from(JSON.stringify({ metadata: {}, ...status })), FIN);
      },
    });
  };
  const onFrame = (word: number, flags: number, payload: Buffer) => {
    if (word >>> 16 === (CONTROL_BIT | VERSION)) {
      if ((word & 0xffff) === Frame.synStream) onStream(payload.readUInt32BE(0));
      else if ((word & 0xffff) === Frame.ping) socket.write(control(Frame.ping, payload));
    } else if (word === streams.get('stdin')) {
      if (payload.length > 0) input?.write(payload);
      if ((flags & FIN) !== 0) input?.end();
    }
  };
  const onData = (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + (pending.readUInt32BE(4) & MAX_LENGTH);
      if (pending.length < end) return;
      const frame = pending.subarray(0, end);
      pending = pending.subarray(end);
      onFrame(frame.readUInt32BE(0), frame[4] ?? 0, frame.subarray(HEADER_BYTES));
    }
  };
  socket.on('data', onData);
  socket.on('error', () => undefined); // kubectl has what it wants, and is gone
  socket.on('close', () => input?.kill());
  onData(Buffer.alloc(0));
}

function control(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(CONTROL_BIT | VERSION, 0);
  header.writeUInt16BE(type, 2);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}
