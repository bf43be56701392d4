import type { Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import { TCP_ACK } from '../model/tcp-bits.ts';
import { WINDOW_SLACK_BYTES } from './byte-streams.ts';
import { ACKED, NEXT_SEQUENCE, SEEN, SIDE_WORDS, STATE, WINDOW } from './record.ts';
import { LARGEST_WINDOW_BYTES } from './sequence-window.ts';

/** What a RST means for the connection it names. */
export const ResetVerdict = {
  /** It lies outside the window: its receiver ignores it. */
  ignored: 0,
  /** It lies within the window, but not at the next sequence number: its receiver answers with a challenge ACK. */
  challenged: 1,
  /** It ends the connection. */
  accepted: 2,
} as const;

export type ResetVerdict = (typeof ResetVerdict)[keyof typeof ResetVerdict];

/**
 * Judges a RST of `side` on an established connection as its receiver does (RFC 9293 §3.10.7.4, RFC 5961 §3.2): only
 * the next sequence number that the receiver expects ends it. Seen from the middle that number lies between what the
 * receiver has acknowledged and what the sender was seen to send.
 */
export function judgeReset(words: Int32Array, word: number, side: Side, packet: Packet): ResetVerdict {
  const own = word + SIDE_WORDS * side;
  const other = word + SIDE_WORDS * (1 - side);
  const state = words[word + STATE];
  const ownSeen = (state & (SEEN << side)) !== 0;
  const receiverSeen = (state & (SEEN << (1 - side))) !== 0;
  const { sequence } = packet;
  if (!ownSeen && !receiverSeen) {
    // nothing but what the RST itself acknowledges tells whether it is about this connection
    const unacknowledged = (words[other + NEXT_SEQUENCE] - packet.acknowledgment) | 0; // its FIN may be among that
    const isAnswer = (packet.flags & TCP_ACK) !== 0 && (unacknowledged === 0 || unacknowledged === 1);
    return isAnswer ? ResetVerdict.accepted : ResetVerdict.challenged;
  }
  const ahead = ownSeen ? (sequence - words[own + NEXT_SEQUENCE]) | 0 : (sequence - words[other + ACKED]) | 0;
  if (!receiverSeen) {
    if (ahead === 0) return ResetVerdict.accepted;
    return ahead > -LARGEST_WINDOW_BYTES && ahead < LARGEST_WINDOW_BYTES
      ? ResetVerdict.challenged
      : ResetVerdict.ignored;
  }
  const pastAcknowledged = (sequence - words[other + ACKED]) | 0;
  if (pastAcknowledged < 0) return ResetVerdict.ignored;
  if (ahead <= 0) return ResetVerdict.accepted;
  return pastAcknowledged <= words[other + WINDOW] + WINDOW_SLACK_BYTES
    ? ResetVerdict.challenged
    : ResetVerdict.ignored;
}
