/** Frame types (RFC 9113 §6). */
export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Frame flags (RFC 9113 §6); a bit means something only for some types. */
export const FrameFlag = { ack: 0x01, endStream: 0x01, endHeaders: 0x04, padded: 0x08, priority: 0x20 } as const;

/** Length, type, flags and stream in front of every frame (RFC 9113 §4.1). */
export const FRAME_HEADER_BYTES = 9;

const DEFAULT_MAX_FRAME_BYTES = 16_384;

/**
 * Whether these could be the length, type, flags and stream of a frame that a client sends, none of them stranger than
 * ordinary clients make them. For finding frames again after bytes were lost, not for judging a client.
 */
export function isPlausibleFrame(length: number, type: number, flags: number, stream: number): boolean {
  const ofRequest = (stream & 1) === 1; // clients open odd streams (RFC 9113 §5.1.1)
  if (length > DEFAULT_MAX_FRAME_BYTES || stream < 0) return false;
  switch (type) {
    case FrameType.data:
      return ofRequest && (flags & ~(FrameFlag.endStream | FrameFlag.padded)) === 0;
    case FrameType.headers:
      return ofRequest && length > 0 && (flags & ~0x2d) === 0;
    case FrameType.priority:
      return stream !== 0 && length === 5 && flags === 0;
    case FrameType.rstStream:
      return stream !== 0 && length === 4 && flags === 0;
    case FrameType.settings:
      return stream === 0 && length % 6 === 0 && (flags & ~FrameFlag.ack) === 0;
    case FrameType.ping:
      return stream === 0 && length === 8 && (flags & ~FrameFlag.ack) === 0;
    case FrameType.goAway:
      return stream === 0 && length >= 8 && flags === 0;
    case FrameType.windowUpdate:
      return length === 4 && flags === 0;
    case FrameType.continuation:
      return ofRequest && (flags & ~FrameFlag.endHeaders) === 0;
    default:
      return false;
  }
}

/** `isPlausibleFrame` for the frame header at `bytes[at]`, of which all nine bytes are there. */
export function looksLikeFrame(bytes: Uint8Array, at: number): boolean {
  const length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
  const stream = (bytes[at + 5] << 24) | (bytes[at + 6] << 16) | (bytes[at + 7] << 8) | bytes[at + 8];
  return isPlausibleFrame(length, bytes[at + 3], bytes[at + 4], stream);
}

/** Whether a segment begins with plausible frames, HEADERS being the first or behind the first ones. */
export function looksLikeHttp2Headers(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at + FRAME_HEADER_BYTES < end; ) {
    if (!looksLikeFrame(bytes, at)) return false;
    if (bytes[at + 3] === FrameType.headers) return true;
    at += FRAME_HEADER_BYTES + ((bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]);
  }
  return false;
}
