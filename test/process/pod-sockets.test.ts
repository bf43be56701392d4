import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Connection, Side } from '../../src/model/connection.ts';
import { threadCpuMs } from '../../src/native/clock.ts';
import { DiagSockets } from '../../src/process/diag-sockets.ts';
import { keyOf, NO_SOCKET, type PodSockets } from '../../src/process/pod-sockets.ts';
import { ProcNetSockets } from '../../src/process/proc-net-sockets.ts';

const WAYS: Readonly<Record<string, () => PodSockets>> = {
  sock_diag: () => DiagSockets.open('/proc/self/ns/net'),
  '/proc/net': () => new ProcNetSockets(() => 'self', { now: () => performance.now(), cpuMs: threadCpuMs }),
};

/** The inode number of a socket of this process. */
function inodeOf(socket: { readonly _handle?: unknown }): number {
  const { fd } = (socket as { _handle: { fd: number } })._handle;
  return Number(readlinkSync(`/proc/self/fd/${fd}`).replace(/\D/g, ''));
}

/** A connection between loopback addresses, as the tracker would show it. */
function connectionOf(client: Socket, ipVersion: 4 | 6): Connection {
  const loopback = ipVersion === 4 ? [0x7f000001, 0, 0, 0] : [0, 0, 0, 1];
  const ends = {
    ipVersion,
    initiatorPort: client.localPort as number,
    responderPort: client.remotePort as number,
    addressWord: (_side: Side, word: number) => loopback[word] as number,
  };
  return ends as unknown as Connection;
}

for (const [way, open] of Object.entries(WAYS)) {
  for (const [host, target, ipVersion] of [
    ['127.0.0.1', '127.0.0.1', 4],
    ['::1', '::1', 6],
    ['::', '127.0.0.1', 4],
    ['::', '::1', 6],
  ] as const) {
    test(`${way}: a client to ${target} of a server on ${host}`, async () => {
      const server = createServer().listen(0, host);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const accepting = once(server, 'connection');
      const client = connect(port, target);
      const [accepted] = (await accepting) as [Socket];
      await Promise.resolve(client.connecting && once(client, 'connect'));
      const sockets = open();
      try {
        const connection = connectionOf(client, ipVersion);
        assert.is(sockets.connection(connection, Side.initiator), inodeOf(client as never));
        assert.is(sockets.connection(connection, Side.responder), inodeOf(accepted as never));
        assert.is(sockets.listener(connection, Side.responder), inodeOf(server as never));
        assert.is(sockets.listener(connection, Side.initiator), NO_SOCKET);
        const listed = new Map<string, number>();
        for (const _ of sockets.list(100_000, listed));
        assert.is(listed.get(keyOf(connection, Side.initiator)), inodeOf(client as never));
        assert.is(listed.get(keyOf(connection, Side.responder)), inodeOf(accepted as never));
        const nobody = { ...connection, initiatorPort: 1, responderPort: 2 };
        const asked = open();
        assert.is(asked.connection(nobody, Side.initiator), NO_SOCKET);
        asked.close();
      } finally {
        sockets.close();
        client.destroy();
        accepted.destroy();
        server.close();
      }
    });
  }
}

test.run();
