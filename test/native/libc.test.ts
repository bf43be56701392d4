import { readdirSync, readlinkSync } from 'node:fs';
import koffi from 'koffi';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SystemError } from '../../src/native/errno.ts';
import {
  bindSocket,
  closeDescriptor,
  inNetworkNamespace,
  interfaceIndex,
  interfaceName,
  openSocket,
  SOCK_DGRAM,
  takeSocketError,
} from '../../src/native/libc.ts';
import { Namespace } from '../lab/namespace.ts';

const AF_INET = 2;

test('a failed call is said with what was tried and the name of the errno', () => {
  try {
    openSocket(9999, SOCK_DGRAM, 0, 'open a socket');
    assert.unreachable();
  } catch (error) {
    assert.instance(error, SystemError);
    assert.is((error as SystemError).message, 'Cannot open a socket: EAFNOSUPPORT');
    assert.is((error as SystemError).code, 'EAFNOSUPPORT');
  }
});

test('an errno with two names goes by one of them', () => {
  const { EAGAIN, EWOULDBLOCK } = koffi.os.errno;
  assert.is(EAGAIN, EWOULDBLOCK);
  assert.is(new SystemError('read', EAGAIN).code, 'EAGAIN');
});

test('a hint says what to do', () => {
  const fd = openSocket(AF_INET, SOCK_DGRAM, 0, 'open a socket');
  try {
    const nobody = Buffer.from('0200ffffc000020100000000000000', 'hex'); // 192.0.2.1 is nobody's
    assert.throws(
      () => bindSocket(fd, Buffer.concat([nobody, Buffer.alloc(1)]), 'bind', { EADDRNOTAVAIL: 'use an own address' }),
      /^Cannot bind: EADDRNOTAVAIL; use an own address$/,
    );
    assert.is(takeSocketError(fd), 0);
  } finally {
    closeDescriptor(fd);
  }
});

test('interfaces are found by index and by name', () => {
  const index = interfaceIndex('lo');
  assert.is(interfaceName(index), 'lo');
  assert.is(interfaceIndex('no-such-one'), 0);
  assert.is(interfaceName(2_000_000_000), null);
});

const root = process.getuid?.() === 0 ? test : test.skip;

root('the network namespace is left again, also when the work throws', () => {
  const other = new Namespace('other');
  try {
    const path = `/run/netns/${other.name}`;
    const own = '/proc/thread-self/ns/net';
    const before = readlinkSync(own);
    const descriptors = readdirSync('/proc/self/fd').length;
    assert.is.not(
      inNetworkNamespace(path, () => readlinkSync(own)),
      before,
    );
    assert.is(
      inNetworkNamespace(own, () => readlinkSync(own)),
      before,
    );
    assert.throws(
      () =>
        inNetworkNamespace(path, () => {
          throw new Error('work failed');
        }),
      /work failed/,
    );
    assert.throws(() => inNetworkNamespace('/proc/thread-self/ns/none', () => 0), /ENOENT/);
    assert.throws(
      () => inNetworkNamespace('/proc/thread-self/ns/uts', () => 0),
      /enter the network namespace .*EINVAL/,
    );
    assert.is(readlinkSync(own), before);
    assert.is(readdirSync('/proc/self/fd').length, descriptors);
  } finally {
    other.remove();
  }
});

test.run();
