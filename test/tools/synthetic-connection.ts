import { TcpFlag } from '../../src/model/packet.ts';
import type { Message } from './content.ts';
import type { Random } from './random.ts';
import { SEGMENT_BYTES, type Segment } from './segment-writer.ts';

/** How a connection comes to its end. */
export type Closing = 'fin' | 'reset-by-client' | 'reset-by-server';

/** A segment and when it is seen. */
export interface TimedSegment {
  readonly timeUs: number;
  readonly segment: Segment;
}

/** Serialization of one full frame at 1 Gbit/s. */
const FRAME_GAP_US = 12;
/** How fast a kernel answers. */
const TURN_US = 25;

/**
 * The segments of one TCP connection in the order and at the times a capture near the client sees them: handshake,
 * messages in turn with an ACK for every second segment, and the closing.
 */
export function* connectionSegments(
  beginUs: number,
  messages: readonly Message[],
  closing: Closing,
  random: Random,
): Generator<TimedSegment> {
  const roundTripUs = Math.round(random.logNormal(400, 1));
  let client = random.uint32();
  let server = random.uint32();
  let timeUs = beginUs;
  const segment = (
    fromClient: boolean,
    flags: number,
    part?: Pick<Segment, 'payload' | 'payloadStart' | 'payloadEnd'>,
  ) => ({
    timeUs,
    segment: {
      fromClient,
      flags,
      sequence: fromClient ? client : server,
      acknowledgment: (flags & TcpFlag.ack) === 0 ? 0 : fromClient ? server : client,
      ...part,
    },
  });

  yield segment(true, TcpFlag.syn);
  client = (client + 1) >>> 0;
  timeUs += roundTripUs;
  yield segment(false, TcpFlag.syn | TcpFlag.ack);
  server = (server + 1) >>> 0;
  timeUs += TURN_US;
  yield segment(true, TcpFlag.ack);

  for (const { fromClient, bytes } of messages) {
    timeUs += fromClient ? random.between(50, 20_000) : roundTripUs + random.between(100, 5_000);
    for (let start = 0, count = 1; start < bytes.length; start += SEGMENT_BYTES, count++) {
      const end = Math.min(bytes.length, start + SEGMENT_BYTES);
      const push = end === bytes.length ? TcpFlag.psh : 0;
      yield segment(fromClient, TcpFlag.ack | push, { payload: bytes, payloadStart: start, payloadEnd: end });
      if (fromClient) client = (client + end - start) >>> 0;
      else server = (server + end - start) >>> 0;
      timeUs += FRAME_GAP_US;
      // The answer itself acknowledges what the client sent; what the server sends is acknowledged at once.
      if (!fromClient && (count % 2 === 0 || push !== 0)) yield segment(true, TcpFlag.ack);
    }
  }

  timeUs += random.between(20, 10_000);
  if (closing === 'fin') {
    yield segment(true, TcpFlag.fin | TcpFlag.ack);
    client = (client + 1) >>> 0;
    timeUs += roundTripUs;
    yield segment(false, TcpFlag.fin | TcpFlag.ack);
    server = (server + 1) >>> 0;
    timeUs += TURN_US;
    yield segment(true, TcpFlag.ack);
  } else {
    yield segment(closing === 'reset-by-client', TcpFlag.rst | TcpFlag.ack);
  }
}
