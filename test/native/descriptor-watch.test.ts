import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DescriptorWatch } from '../../src/native/descriptor-watch.ts';
import {
  bindSocket,
  closeDescriptor,
  openSocket,
  SOCK_DGRAM,
  SOL_SOCKET,
  socketName,
  socketOption,
} from '../../src/native/libc.ts';

/** A UDP socket on the loopback address, and its port. */
function receiver(): { fd: number; port: number } {
  const fd = openSocket(2, SOCK_DGRAM, 0, 'open a socket');
  const address = Buffer.from('020000007f0000010000000000000000', 'hex');
  bindSocket(fd, address, 'bind');
  socketName(fd, address);
  return { fd, port: address.readUInt16BE(2) };
}

test('a readable descriptor calls until it is stopped, and again after a start', async () => {
  const { fd, port } = receiver();
  let calls = 0;
  let wake: () => void = () => undefined;
  const called = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const watch = new DescriptorWatch(fd, (readable) => {
    assert.ok(readable);
    calls++;
    watch.stop();
    wake();
  });
  const sender = createSocket('udp4');
  const first = called();
  watch.start();
  sender.send('x', port, '127.0.0.1');
  await first;
  assert.is(calls, 1);
  const second = called();
  watch.start();
  await second;
  assert.is(calls, 2);
  watch.close();
  closeDescriptor(fd);
  sender.close();
  await once(sender, 'close');
});

test('what waits for a promise goes on in the turn in which the descriptor was readable', () => {
  const watchModule = new URL('../../src/native/descriptor-watch.js', import.meta.url).href;
  // Nothing else happens in this process meanwhile: its timer is far away.
  const script = `
    import { DescriptorWatch } from '${watchModule}';
    const late = setTimeout(() => console.log('by the timer'), 5_000);
    const watch = new DescriptorWatch(0, () => {
      watch.close();
      Promise.resolve().then(() => {
        console.log('at once');
        clearTimeout(late);
      });
    });
    watch.start();
  `;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    input: '',
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.is(child.status, 0);
  assert.is(child.stdout, 'at once\n');
});

test('an open watch keeps the process alive, a closed one does not', () => {
  const watchModule = new URL('../../src/native/descriptor-watch.js', import.meta.url).href;
  const script = `
    import { DescriptorWatch } from '${watchModule}';
    const watch = new DescriptorWatch(0, () => undefined);
    watch.start();
    setTimeout(() => { watch.close(); console.log('closed'); }, 1).unref();
  `;
  // The timer is not counted: only the watch can keep the process alive until it fires.
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    input: '',
    timeout: 60_000,
  });
  assert.is(child.status, 0);
});

test('socket options are read by length', () => {
  const { fd } = receiver();
  const SO_TYPE = 3;
  const value = Buffer.alloc(4);
  assert.is(socketOption(fd, SOL_SOCKET, SO_TYPE, value, 4), 4);
  assert.is(value.readInt32LE(0), SOCK_DGRAM);
  closeDescriptor(fd);
});

test.run();
