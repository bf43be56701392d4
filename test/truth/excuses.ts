import { TcpFlag } from '../../src/model/packet.ts';
import { type Captured, factsOf } from './captured.ts';

/**
 * What a perturbation itself makes true, as far as any capture can tell. Everything else that is new is a false
 * statement.
 *
 * - `last word missing`: the last packet of a connection was not captured (a RST, a FIN that nobody acknowledges). Then the
 *   connection rests, and who owed something before owes it still. No more than that: what is sent and not acknowledged
 *   is sent again, so that an acknowledgment which only the capture missed cannot pass for a silence.
 * - `SYN repeated`: the client did repeat its SYN; why it had no answer was not captured.
 * - `never acknowledged`: what is missing was the end of what its side sent, and no captured packet acknowledges or
 *   follows it.
 * - `RST ahead`: a RST was captured before packets that came before it; nothing in a RST tells of them.
 */
export type Excuse = 'last word missing' | 'SYN repeated' | 'never acknowledged' | 'RST ahead';

const RESTS = /^event (0000[78]|00022 \d) tcp\.(stale\.(idle|answer-owed|one-way)|half-closed\.not-closing) /;
const NO_ANSWER_TO_SYN = /^event (00001|00006 0) tcp\.syn\.(no-answer|lost|accept-queue) /;
const RESETS_AND_FLOWS = /^(event 00002 |flow endType)/;

/** The same SYN sooner is a second copy of it. */
const RETRANSMITTED_AFTER_US = 100_000;

interface Sent {
  readonly timeUs: number;
  readonly key: string;
  readonly connection: string;
  readonly source: string;
  readonly sequence: number;
  /** Sequence number behind it. */
  readonly end: number;
  readonly acknowledgment: number;
  readonly flags: number;
}

/** What was not captured of an exchange, and what else tells of it. */
export class Missing {
  readonly #hasLastWord: boolean;
  readonly #hasUnacknowledged: boolean;
  readonly #hasSynRepeated: boolean;
  readonly #hasResetAhead: boolean;

  constructor(frames: readonly Captured[], perturbed: readonly Captured[]) {
    const sent = frames.map(read);
    const seen = perturbed.map(read);
    const keys = new Set(seen.map(({ key }) => key));
    const missing = sent.filter(({ key }) => !keys.has(key));
    this.#hasLastWord = missing.some((one) => {
      const ofSame = sent.filter(({ connection, key }) => connection === one.connection && keys.has(key));
      const last = ofSame.at(-1);
      return last === undefined || sent.indexOf(last) < sent.indexOf(one);
    });
    this.#hasUnacknowledged = missing.some((one) => one.end !== one.sequence && !seen.some((by) => tellsOf(by, one)));
    const places = new Map(sent.map(({ key }, i) => [key, i]));
    const placeOf = ({ key }: Sent) => places.get(key) ?? 0;
    this.#hasResetAhead = seen.some(
      (reset, i) =>
        (reset.flags & TcpFlag.rst) !== 0 &&
        seen.slice(i + 1).some((one) => one.connection === reset.connection && placeOf(one) < placeOf(reset)),
    );
    const syns = seen.filter(({ flags }) => (flags & (TcpFlag.syn | TcpFlag.ack)) === TcpFlag.syn);
    this.#hasSynRepeated = syns.some((one) =>
      syns.some(({ key, timeUs }) => key === one.key && timeUs - one.timeUs >= RETRANSMITTED_AFTER_US),
    );
  }

  /** Why a fact is none that the agent is to blame for; null when it is. */
  excuse(fact: string): Excuse | null {
    if (this.#hasLastWord && RESTS.test(fact)) return 'last word missing';
    if (this.#hasSynRepeated && NO_ANSWER_TO_SYN.test(fact)) return 'SYN repeated';
    if (this.#hasResetAhead && RESETS_AND_FLOWS.test(fact)) return 'RST ahead';
    if (this.#hasUnacknowledged && RESETS_AND_FLOWS.test(fact)) return 'never acknowledged';
    return null;
  }
}

/** Whether a captured packet shows that something which is missing was sent. */
function tellsOf(by: Sent, missing: Sent): boolean {
  if (by.connection !== missing.connection) return false;
  if (by.source === missing.source) return ((by.sequence - missing.end) | 0) >= 0;
  return (by.flags & TcpFlag.ack) !== 0 && ((by.acknowledgment - missing.end) | 0) >= 0;
}

function read(frame: Captured): Sent {
  const { timeUs } = frame;
  const { source, tcpAt, ipVersion, flags, payloadBytes, connection } = factsOf(frame);
  if (ipVersion === 0) {
    const key = `${connection} ${frame.timeUs}`;
    return { timeUs, key, connection, source, sequence: 0, end: 0, acknowledgment: 0, flags: 0 };
  }
  const view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length);
  const sequence = view.getInt32(tcpAt + 4);
  const acknowledgment = view.getInt32(tcpAt + 8);
  const end = (sequence + payloadBytes + ((flags & (TcpFlag.syn | TcpFlag.fin)) !== 0 ? 1 : 0)) | 0;
  const key = `${source} ${connection} ${sequence} ${acknowledgment} ${flags} ${payloadBytes}`;
  return { timeUs, key, connection, source, sequence, end, acknowledgment, flags };
}
