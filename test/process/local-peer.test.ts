import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { userOfLocalPeer } from '../../src/process/local-peer.ts';

const test = suite('process/local-peer');

for (const [host, bound] of [
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::1'],
  ['127.0.0.1', '::'],
] as const) {
  test(`the user at the other end, over ${host} to ${bound}`, async () => {
    const server = createServer().listen(0, bound);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, host);
    const [served] = (await once(server, 'connection')) as [Socket];
    assert.is(userOfLocalPeer(served), process.geteuid?.());
    const { remotePort = 0, remoteAddress, localAddress, localPort } = served;
    assert.is(userOfLocalPeer({ remotePort: remotePort ^ 1, remoteAddress, localAddress, localPort }), null);
    assert.is(userOfLocalPeer({ remotePort, remoteAddress: '10.255.255.1', localAddress, localPort }), null);
    client.destroy();
    served.destroy();
    server.close();
  });
}

test('an address that cannot be on loopback', () => {
  assert.is(userOfLocalPeer({ remoteAddress: 'fd00::9', localAddress: '::1', remotePort: 1, localPort: 2 }), null);
  assert.is(userOfLocalPeer({}), null);
});

test.run();
