import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NamedOutput } from '../../src/attribution/named-output.ts';
import { WorkBudget } from '../../src/limits/work-budget.ts';
import { PodSide } from '../../src/model/connection.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { summarize } from '../../src/model/event.ts';
import { Packet } from '../../src/model/packet.ts';
import type { ProcessIdentity } from '../../src/model/process.ts';
import { NO_SOCKET, UNOWNED_SOCKET } from '../../src/process/pod-sockets.ts';
import type { Finder } from '../../src/process/process-finder.ts';
import { ProcessKnowledge } from '../../src/process/process-knowledge.ts';
import { ConnectionTable } from '../../src/track/connection-table.ts';
import { Phase } from '../../src/track/phase.ts';
import { STATE, WORDS_PER_RECORD } from '../../src/track/record.ts';
import { TrackedConnection } from '../../src/track/tracked-connection.ts';
import { waitFor } from '../lab/wait.ts';

const LISTENER = 999;
const CAPACITY = 100_000;

const processOf = (pid: number): ProcessIdentity => ({ pid, ppid: 1, uid: 0, name: `p${pid}`, commandLine: '' });

/** Reports of connections in a table of their own, a clock that is set by hand, and a finder that knows what it is told. */
class Stage {
  nowMs = 1000;
  /** What came out, in order: `began PORT PID`, `ended PORT PID`, `event PORT PID`. */
  readonly told: string[] = [];
  /** Sockets by the initiator's port. */
  readonly sockets = new Map<number, number>();
  readonly owners = new Map<number, ProcessIdentity | null>();
  readonly asked: number[] = [];
  /** What the log has. */
  readonly noted: unknown[] = [];
  /** The kernel cannot be asked any more. */
  isBroken = false;
  /** The finder has a pass under way that it cannot end. */
  isBusy = false;
  /** How often it was let work. */
  works = 0;
  /** How often it was asked whether there is time left for naming, and what the answer is. */
  budgetAsked = 0;
  hasBudget = true;
  readonly reports: NamedOutput;
  readonly #table = new ConnectionTable(CAPACITY, 1);
  readonly #cursor = new TrackedConnection(this.#table);

  constructor() {
    const budget = Object.assign(new WorkBudget(1, 1), {
      allows: () => {
        this.budgetAsked++;
        return this.hasBudget;
      },
    });
    const knowledge = Object.assign(new ProcessKnowledge(), { now: () => this.nowMs, cpuMs: () => 0, budget });
    const sink = {
      connectionBegan: ({ initiatorPort, process }: TrackedConnection) =>
        this.told.push(`began ${initiatorPort} ${process.pid}`),
      connectionEnded: ({ initiatorPort, process }: TrackedConnection) =>
        this.told.push(`ended ${initiatorPort} ${process.pid}`),
      occurred: () => undefined,
      queryOccurred: () => undefined,
      queryAnswered: () => undefined,
      questionEnded: () => undefined,
      event: ({ connection }: NetworkEvent) =>
        this.told.push(`event ${connection?.sourcePort} ${connection?.process.pid}`),
      note: (message: string, fields: Readonly<Record<string, unknown>>) => void this.noted.push([message, fields]),
    };
    const nothing = () => undefined;
    const fail = (error: unknown) => {
      throw error;
    };
    this.reports = new NamedOutput({ sink, capacity: CAPACITY, knowledge, missed: nothing, fail });
    const finder: Finder = {
      cookie: null,
      socketOf: ({ initiatorPort }) => {
        if (this.isBroken) throw new Error('Cannot ask the kernel about sockets: ENOBUFS');
        this.asked.push(initiatorPort);
        return this.sockets.get(initiatorPort) ?? NO_SOCKET;
      },
      listenerOf: () => LISTENER,
      earlierOwner: () => null,
      want: nothing,
      ownerOf: (inode) => this.owners.get(inode),
      work: () => {
        this.works++;
        return this.isBusy;
      },
      rest: nothing,
      close: nothing,
    };
    this.reports.use(finder);
  }

  begin(port: number, side: PodSide = PodSide.initiator, phase: Phase = Phase.synSent): number {
    const packet = new Packet();
    packet.view = new DataView(new ArrayBuffer(8));
    packet.destinationAddress = 4;
    packet.sourcePort = port;
    packet.destinationPort = 80;
    const slot = this.#table.insert(packet, this.#table.hash(packet), true);
    const connection = this.#cursor.at(slot);
    connection.podSide = side;
    this.#table.words[slot * WORDS_PER_RECORD + STATE] |= phase;
    this.reports.connectionBegan(connection);
    return slot;
  }

  end(slot: number): void {
    this.reports.connectionEnded(this.#cursor.at(slot));
  }

  event(slot: number): void {
    const connection = this.#cursor.at(slot);
    const event = {
      name: 'TCP_RESET',
      timeUs: 0,
      value: 1,
      causeId: 'tcp.reset.aborted',
      cause: '',
      connection: summarize(connection),
    } as const;
    this.reports.event(event, connection);
  }

  /** Lets time pass, with a turn at least every ten milliseconds and at its end. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    do {
      this.nowMs = Math.min(this.nowMs + 10, untilMs);
      this.reports.turn();
    } while (this.nowMs < untilMs);
  }

  /** Lets time pass in which nobody has a turn, and then has one. */
  stall(ms: number): void {
    this.nowMs += ms;
    this.reports.turn();
  }
}

function onStage(name: string, body: (stage: Stage) => void | Promise<void>): void {
  test(name, async () => {
    const stage = new Stage();
    try {
      await body(stage);
    } finally {
      stage.reports.close();
    }
  });
}

onStage('what is known at once goes on at once', (stage) => {
  stage.sockets.set(1, 11);
  stage.owners.set(11, processOf(7));
  const slot = stage.begin(1);
  stage.pass(0);
  stage.end(slot);
  assert.equal(stage.told, ['began 1 7', 'ended 1 7']);
});

onStage('lines stay in order behind one that waits, and an end has the name that its begin waited for', (stage) => {
  stage.sockets.set(1, 11);
  const first = stage.begin(1);
  const second = stage.begin(2);
  stage.end(second);
  stage.end(first);
  stage.pass(10);
  assert.equal(stage.told, []);
  stage.owners.set(11, processOf(7));
  stage.pass(10);
  assert.equal(stage.told, ['began 1 7', 'began 2 -1', 'ended 2 -1', 'ended 1 7']);
  assert.equal(stage.reports.counters()['named'], 1);
  assert.equal(stage.reports.counters()['unnamed'], 1);
});

onStage('a finder that fails ends nothing but the names, and is told of once', (stage) => {
  stage.sockets.set(1, 11);
  stage.owners.set(11, processOf(7));
  stage.begin(1);
  stage.pass(0);
  stage.isBroken = true;
  const slot = stage.begin(2);
  stage.pass(300);
  stage.end(slot);
  stage.begin(3);
  stage.pass(300);
  assert.equal(stage.told, ['began 1 7', 'began 2 -1', 'ended 2 -1', 'began 3 -1']);
  const cause = 'Cannot ask the kernel about sockets: ENOBUFS';
  assert.equal(stage.noted, [['processes are no longer named without eBPF', { cause }]]);
});

onStage('what was begun goes on once there is time again, though no line waits and no packet comes', async (stage) => {
  stage.isBusy = true;
  stage.pass(0);
  stage.hasBudget = false;
  const asked = stage.budgetAsked;
  await waitFor('it to ask for time again and again', () => stage.budgetAsked > asked + 2);
  const { works } = stage;
  stage.hasBudget = true;
  await waitFor('it to go on', () => stage.works > works);
});

onStage('a line waits 300 ms at most, an event 50', (stage) => {
  stage.sockets.set(1, 11);
  const slot = stage.begin(1);
  stage.event(slot);
  stage.pass(30);
  stage.pass(19);
  assert.equal(stage.told, []);
  stage.pass(1);
  assert.equal(stage.told, ['event 1 -1']);
  for (let i = 0; i < 6; i++) stage.pass(40);
  stage.pass(9);
  assert.is(stage.told.length, 1);
  stage.pass(1);
  assert.equal(stage.told, ['event 1 -1', 'began 1 -1']);
});

onStage('while the machine stalls nothing waits', (stage) => {
  stage.sockets.set(1, 11);
  const slot = stage.begin(1);
  stage.event(slot);
  stage.stall(2000);
  assert.equal(stage.told, []);
  stage.owners.set(11, processOf(7));
  stage.pass(0);
  assert.equal(stage.told, ['began 1 7', 'event 1 7']);
  stage.begin(2);
  stage.sockets.set(2, 12);
  for (let i = 0; i < 8; i++) stage.stall(10_000);
  assert.is(stage.told.length, 3, 'but a machine that always stalls does not keep it for ever');
});

onStage('an event waits for the name of its connection, those behind it wait too', (stage) => {
  stage.sockets.set(1, 11);
  const slot = stage.begin(1);
  const other = stage.begin(2);
  stage.pass(0);
  stage.event(slot);
  stage.event(other);
  assert.equal(stage.told, []);
  stage.owners.set(11, processOf(7));
  stage.pass(10);
  stage.event(slot);
  assert.equal(stage.told, ['began 1 7', 'began 2 -1', 'event 1 7', 'event 2 -1', 'event 1 7']);
});

onStage('the listener stands for what the pod has not accepted after 250 ms, at once where an event asks', (stage) => {
  stage.sockets.set(1, UNOWNED_SOCKET);
  stage.owners.set(LISTENER, processOf(5));
  stage.begin(1, PodSide.responder, Phase.established);
  stage.pass(0);
  stage.pass(249);
  assert.equal(stage.told, []);
  stage.pass(1);
  assert.equal(stage.told, ['began 1 5']);
  assert.is(stage.asked.length, 5);
  const slot = stage.begin(2, PodSide.responder);
  stage.pass(0);
  stage.event(slot);
  stage.pass(0);
  assert.equal(stage.told.slice(1), ['began 2 5', 'event 2 5']);
});

onStage('a connection is of the process that accepts it, though that takes a while', (stage) => {
  stage.sockets.set(1, UNOWNED_SOCKET);
  stage.owners.set(LISTENER, processOf(5)).set(11, processOf(7));
  stage.begin(1, PodSide.responder, Phase.established);
  stage.pass(100);
  stage.sockets.set(1, 11);
  stage.pass(19);
  assert.equal(stage.told, []);
  stage.pass(1);
  assert.equal(stage.told, ['began 1 7']);
});

onStage('a slot that is used again lets its lines go first', (stage) => {
  stage.sockets.set(1, 11).set(2, 12);
  const first = stage.begin(1);
  const second = stage.begin(2);
  stage.end(first);
  stage.pass(0);
  stage.reports.forgotten(second);
  assert.equal(stage.told, ['began 1 -1', 'began 2 -1']);
  stage.reports.forgotten(first);
  assert.equal(stage.told.slice(2), ['ended 1 -1']);
});

onStage('an owner is known until the slot is forgotten: a pcap is written after the end of its connection', (stage) => {
  stage.sockets.set(1, 11);
  stage.owners.set(11, processOf(7));
  const slot = stage.begin(1);
  stage.end(slot);
  stage.pass(0);
  assert.equal(stage.told, ['began 1 7', 'ended 1 7']);
  assert.is(stage.reports.processOf(slot).pid, 7);
  stage.reports.forgotten(slot);
  assert.is(stage.reports.processOf(slot).pid, -1);
});

onStage('when too many lines wait the first goes on without a name; none is lost', (stage) => {
  for (let port = 0; port < 70_000; port++) {
    stage.sockets.set(port % 65_536, port + 1);
    stage.begin(port);
  }
  assert.is(stage.told.length, 70_000 - 65_536);
  assert.ok(stage.told.every((line) => line.endsWith(' -1')));
  stage.reports.close();
  const ports = stage.told.map((line) => Number(line.split(' ')[1]));
  assert.is(ports.length, 70_000);
  assert.ok(ports.every((port, i) => port === i % 65_536));
});

test.run();
