import { TcpFlag } from '../../src/model/packet.ts';
import type { Random } from '../tools/random.ts';
import { type Captured, factsOf, withIpId } from './captured.ts';

/**
 * What the capture, or the network, does to the frames of an exchange, in words that make it again:
 *
 *     drop I            the capture misses frame I
 *     double I copy     frame I stands twice, as with two interfaces
 *     double I MS       frame I comes again MS milliseconds later: below 100 the same packet, else sent again, with
 *                       another IP id
 *     copies            every frame stands twice, as in a capture on all interfaces
 *     swap I            frame I and the next one change places
 *     late I N          frame I comes behind the N next ones
 *     slow I MS         frame I and all that follow come MS milliseconds later
 *     snap I BYTES      frame I is cut; `snap all BYTES`: every frame is
 *     from I            the capture begins with frame I
 *     until I           the capture ends before frame I
 *     only N            only what the Nth sender sends is captured
 *
 * Several of them, one after the other, are joined by ` + `.
 */
export type Perturbation = string;

const { fin: FIN, syn: SYN, rst: RST } = TcpFlag;

const COPY_AFTER_US = 40;
/** No stack sends anything again sooner (RFC 6298 §2.4 asks for a second, Linux waits 200 ms). */
const RETRANSMITTED_AFTER_MS = 100;
/** Nothing that changes its place comes later than that: a capture has several queues, but no long ones. */
const LATEST_US = 300_000;

/** Returns the frames as they are captured then. */
export function perturb(frames: readonly Captured[], how: Perturbation): Captured[] {
  return how.split(' + ').reduce((before, one) => perturbOnce(before, one), [...frames]);
}

function perturbOnce(frames: readonly Captured[], how: string): Captured[] {
  const [name = '', which = '', amount = ''] = how.split(' ');
  const at = Number(which);
  const frame = frames[at];
  const others = frames.filter((_, i) => i !== at);
  switch (name) {
    case 'drop':
      return others;
    case 'double': {
      if (frame === undefined) return [...frames];
      const isCopy = amount === 'copy';
      const timeUs = frame.timeUs + (isCopy ? COPY_AFTER_US : Number(amount) * 1_000);
      const isSame = isCopy || Number(amount) < RETRANSMITTED_AFTER_MS;
      const again = { ...(isSame ? frame : withIpId(frame, 40_000 + at)), timeUs };
      return inserted(frames, again);
    }
    case 'copies':
      return frames.flatMap((one) => [one, one]);
    case 'swap':
      return moved(frames, at, 1);
    case 'late':
      return moved(frames, at, Number(amount));
    case 'slow':
      return frames.map((one, i) => (i < at ? one : { ...one, timeUs: one.timeUs + Number(amount) * 1_000 }));
    case 'snap':
      return frames.map((one, i) => (which === 'all' || i === at ? cut(one, Number(amount)) : one));
    case 'from':
      return frames.slice(at);
    case 'until':
      return frames.slice(0, at);
    case 'only': {
      const sources = [...new Set(frames.map((one) => factsOf(one).source))];
      return frames.filter((one) => factsOf(one).source === sources[at]);
    }
    default:
      throw new Error(`Cannot perturb: "${how}" is not known`);
  }
}

/** Puts a frame behind all that are no later. */
function inserted(frames: readonly Captured[], frame: Captured): Captured[] {
  const at = frames.findIndex(({ timeUs }) => timeUs > frame.timeUs);
  return at < 0 ? [...frames, frame] : [...frames.slice(0, at), frame, ...frames.slice(at)];
}

/** Moves the frame at `at` behind the next `places`; times stay where they are. */
function moved(frames: readonly Captured[], at: number, places: number): Captured[] {
  const order = [...frames];
  const [frame] = order.splice(at, 1);
  if (frame === undefined) return order;
  order.splice(at + places, 0, frame);
  return order.map((one, i) => ({ ...one, timeUs: frames[i]?.timeUs ?? one.timeUs }));
}

function cut(frame: Captured, bytes: number): Captured {
  return frame.bytes.length <= bytes ? frame : { ...frame, bytes: frame.bytes.subarray(0, bytes) };
}

/** Every perturbation of a single frame, and of all. Time passes more slowly only where that is no trouble itself. */
export function* everySingle(frames: readonly Captured[], isGood: boolean): Generator<Perturbation> {
  yield 'copies';
  for (const bytes of [96, 200]) yield `snap all ${bytes}`;
  const senders = new Set(frames.map((one) => factsOf(one).source)).size;
  for (let n = 0; n < senders; n++) yield `only ${n}`;
  for (let i = 0; i < frames.length; i++) {
    yield `drop ${i}`;
    for (const after of ['copy', '2', '300', '1200']) if (mayDouble(frames, i, after)) yield `double ${i} ${after}`;
    for (const bytes of [96, 200]) if ((frames[i]?.bytes.length ?? 0) > bytes) yield `snap ${i} ${bytes}`;
    if (i > 0) yield `from ${i}`;
    if (i > 0) yield `until ${i}`;
    if (isGood) for (const ms of [200, 3_000]) yield `slow ${i} ${ms}`;
    if (mayMove(frames, i, 1)) yield `swap ${i}`;
    for (const places of [2, 3, 5]) if (mayMove(frames, i, places)) yield `late ${i} ${places}`;
  }
}

/** Two or three perturbations together. */
export function randomMixture(frames: readonly Captured[], isGood: boolean, random: Random): Perturbation {
  const parts: string[] = [];
  const at = () => random.between(0, frames.length - 1);
  for (let n = random.between(2, 3); n > 0; n--) {
    const [one, places, after] = [at(), random.between(2, 6), random.pick(['copy', '2', '300', '1200'])];
    const kinds = [
      `drop ${at()}`,
      `snap ${at()} ${random.pick([60, 70, 96, 200])}`,
      ...(mayDouble(frames, one, after) ? [`double ${one} ${after}`] : []),
      ...(mayMove(frames, one, 1) ? [`swap ${one}`] : []),
      ...(mayMove(frames, one, places) ? [`late ${one} ${places}`] : []),
      ...(isGood ? [`slow ${at()} ${random.pick([50, 200, 900, 3_000])}`] : []),
      ...(n === 1 ? [`snap all ${random.pick([68, 96, 200])}`, `from ${at()}`, `only ${random.between(0, 1)}`] : []),
    ];
    parts.push(random.pick(kinds));
  }
  return parts.join(' + ');
}

/** Only what takes a sequence number, or a RST, is sent again, and no SYN after the next one. */
function mayDouble(frames: readonly Captured[], at: number, after: string): boolean {
  const frame = frames[at];
  if (frame === undefined) return false;
  const { flags, payloadBytes, ipVersion, source } = factsOf(frame);
  if (after === 'copy' || ipVersion === 0 || Number(after) < RETRANSMITTED_AFTER_MS) return true;
  if ((flags & SYN) === 0) return payloadBytes > 0 || (flags & (FIN | RST)) !== 0;
  const untilUs = frame.timeUs + Number(after) * 1_000;
  const isNextSyn = (one: Captured) => factsOf(one).source === source && (factsOf(one).flags & SYN) !== 0;
  return !frames.slice(at + 1).some((one) => one.timeUs <= untilUs && isNextSyn(one));
}

function mayMove(frames: readonly Captured[], at: number, places: number): boolean {
  const [from, to] = [frames[at], frames[at + places]];
  return from !== undefined && to !== undefined && to.timeUs - from.timeUs <= LATEST_US;
}
