import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Connection, Side } from '../../src/model/connection.ts';
import { inodeOf } from '../../src/process/proc-files.ts';
import { ProcessFinder } from '../../src/process/process-finder.ts';
import { ProcessKnowledge } from '../../src/process/process-knowledge.ts';

/** More than are listed without a chance to stop, and than one answer of the kernel holds. */
const CLIENTS = 500;
const OWN_NAMESPACE = '/proc/self/ns/net';

/** Connections of this process to itself, and a finder whose clock lets it take one step at a time. */
interface Context {
  server: ReturnType<typeof createServer>;
  sockets: Socket[];
  connections: Connection[];
  finder: ProcessFinder;
  /** False when nothing is left to be done. */
  step(): boolean;
  /** Lets time pass. */
  pass(ms: number): void;
}

const test = suite<Context>('process finder');

test.before.each(async (context) => {
  context.sockets = [];
  const accepted = new Promise<void>((resolve) => {
    context.server = createServer((socket) => {
      if (context.sockets.push(socket) === CLIENTS) resolve();
    });
  });
  context.server.listen({ port: 0, host: '127.0.0.1', backlog: CLIENTS });
  await once(context.server, 'listening');
  const { port } = context.server.address() as AddressInfo;
  const clients = Array.from({ length: CLIENTS }, () => connect(port, '127.0.0.1'));
  await Promise.all(clients.map((client) => once(client, 'connect')));
  await accepted;
  context.sockets.push(...clients);
  context.connections = clients.map(
    ({ localPort, remotePort }) =>
      ({
        ipVersion: 4,
        initiatorPort: localPort,
        responderPort: remotePort,
        addressWord: (_side: Side, word: number) => (word === 0 ? 0x7f000001 : 0),
      }) as unknown as Connection,
  );
  let nowMs = 0;
  const knowledge = Object.assign(new ProcessKnowledge(), { now: () => nowMs++, cpuMs: () => 0 });
  const namespace = { path: OWN_NAMESPACE, inode: inodeOf(OWN_NAMESPACE) ?? 0, interfaceIndex: 1 };
  context.finder = new ProcessFinder(knowledge, namespace, () => undefined);
  context.step = () => context.finder.work(nowMs + 1);
  context.pass = (ms) => {
    nowMs += ms;
  };
});
test.after.each(({ server, sockets, finder }) => {
  finder.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});

/** What the descriptors of this process lead to. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return []; // the descriptor by which they are listed
    }
  });
}

/** Whether this process looks into the descriptors of a process. */
function isLooking(): boolean {
  return descriptors().some((target) => /^\/proc\/\d+\/fd$/.test(target));
}

/** Sockets that this process has open. */
function openSockets(): number {
  return descriptors().filter((target) => target.startsWith('socket:')).length;
}

test('connections that were there are all remembered, whatever is asked meanwhile', ({ connections, finder, step }) => {
  const [first] = connections as [Connection, ...Connection[]];
  while (step()) assert.ok(finder.socketOf(first, Side.initiator) > 0);
  for (const side of [Side.initiator, Side.responder]) {
    const unknown = connections.filter((connection) => finder.earlierOwner(connection, side)?.pid !== process.pid);
    assert.is(unknown.length, 0);
  }
});

test('it leaves nothing open when it is closed in the middle of a pass', ({ finder, step }) => {
  while (!isLooking()) assert.ok(step(), 'it never looked into a process');
  finder.close();
  assert.not.ok(isLooking());
});

test('a socket that is not used is closed also in the middle of a pass: it keeps the namespace alive', (context) => {
  const { connections, finder, step, pass } = context;
  while (!isLooking()) assert.ok(step(), 'it never looked into a process');
  const before = openSockets();
  finder.socketOf(connections[0] as Connection, Side.initiator);
  finder.rest();
  assert.is(openSockets(), before + 1);
  pass(1000);
  finder.rest();
  assert.is(openSockets(), before);
  assert.ok(isLooking(), 'the pass goes on');
});

test.run();
