import { Decoder } from '../../src/layers/decoder.ts';
import { Verdict } from '../../src/layers/verdict.ts';
import type { Side } from '../../src/model/connection.ts';
import { Direction, Frame } from '../../src/model/frame.ts';
import { Packet } from '../../src/model/packet.ts';
import { ConnectionTable } from '../../src/track/connection-table.ts';
import type { Stranger } from '../../src/track/foreign-packets.ts';
import type { IcmpError } from '../../src/track/icmp-errors.ts';
import type { PathMtuTrouble } from '../../src/track/path-mtu.ts';
import type { TrackedConnection } from '../../src/track/tracked-connection.ts';
import { Tracker } from '../../src/track/tracker.ts';
import { type Captured, CapturedSource } from '../truth/captured.ts';

/** What the tracker makes of captured frames, without anybody who reads their payload. */
export class Followed {
  readonly strangers: Stranger[] = [];
  readonly icmpErrors: IcmpError[] = [];
  readonly pathMtu: PathMtuTrouble[] = [];
  readonly resent: { side: Side; isStuck: boolean }[] = [];
  /** How long a window had been closed, each time that was told. */
  readonly closedMs: number[] = [];
  readonly answers: { status: number; tookUs: number; path: string }[] = [];
  readonly tracker: Tracker;
  #connection: TrackedConnection | null = null;

  constructor({ frames }: { readonly frames: readonly Captured[] }) {
    const ignore = () => undefined;
    const keep = (connection: TrackedConnection) => {
      this.#connection = connection;
    };
    this.tracker = new Tracker(
      new ConnectionTable(16, 1),
      { halfOpenSeconds: 30, staleSeconds: 180, stale2Seconds: 600 },
      {
        began: keep,
        established: ignore,
        halfClosed: ignore,
        unanswered: ignore,
        synRepeated: ignore,
        halfOpen: ignore,
        stale: ignore,
        stale2: ignore,
        reset: ignore,
        ended: ignore,
        resent: (_, side, isStuck) => this.resent.push({ side, isStuck }),
        answered: (_, { status, tookUs, path }) => this.answers.push({ status, tookUs, path: path() }),
        zeroWindow: (connection, side) => this.closedMs.push(connection.closedMs(side)),
        forgotten: ignore,
        icmpError: (_, error) => this.icmpErrors.push(error),
        pathMtu: (_, trouble) => this.pathMtu.push(trouble),
        foreignPacket: (_, stranger) => this.strangers.push(stranger),
      },
    );
    const source = new CapturedSource(frames);
    const [frame, packet, decoder] = [new Frame(), new Packet(), new Decoder()];
    while (source.next(frame)) {
      const verdict = decoder.decode(frame, packet);
      this.tracker.prefetch([packet], 1);
      if (verdict === Verdict.tcp) this.tracker.segment(packet, Direction.unknown);
      else if (verdict === Verdict.icmp) this.tracker.icmpError(packet);
    }
  }

  /** The connection that began last; its slot is taken by nobody else as long as it is remembered. */
  get connection(): TrackedConnection {
    if (this.#connection === null) throw new Error('Cannot look at a connection: none began');
    return this.#connection;
  }
}
