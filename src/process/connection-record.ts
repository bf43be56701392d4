import { ASSERTING } from '../model/assert.ts';
import { Side } from '../model/connection.ts';
import { checkLayout } from '../model/record-layout.ts';
import type { SeenConnection, SocketOwner } from '../model/seen-connection.ts';
import { AF_INET } from '../native/inet-diag.ts';

/*
 * What src/process/ebpf/connections.bpf.c sends: `struct record` and, in it, `struct owner`, at these offsets.
 */

const COMM_BYTES = 16;

/** Bytes of `struct owner`. */
export const OWNER_BYTES = 64;
const STARTED_NS = 0;
const TGID = 8;
const PID = 12;
const PARENT = 16;
const UID = 20;
const INNER_PID = 24;
const PID_NAMESPACE = 28;
const THREAD_NAME = 32;
const NAME = 48;

/** Bytes of `struct record`. */
export const RECORD_BYTES = 120;
const TIME_NS = 0;
const OWNER = 8;
const NAMESPACE = 72;
const FAMILY = 76;
const IS_SERVED = 78;
const LOCAL_PORT = 80;
const REMOTE_PORT = 82;
const LOCAL = 84;
const REMOTE = 100;

const NS_PER_US = 1000;

if (ASSERTING) {
  checkLayout('struct owner', OWNER_BYTES, [
    ['started_ns', STARTED_NS, 8],
    ['tgid', TGID, 4],
    ['pid', PID, 4],
    ['parent', PARENT, 4],
    ['uid', UID, 4],
    ['inner_pid', INNER_PID, 4],
    ['pid_namespace', PID_NAMESPACE, 4],
    ['thread_name', THREAD_NAME, COMM_BYTES],
    ['name', NAME, COMM_BYTES],
  ]);
  checkLayout('struct record', RECORD_BYTES, [
    ['time_ns', TIME_NS, 8],
    ['owner', OWNER, OWNER_BYTES],
    ['namespace', NAMESPACE, 4],
    ['family', FAMILY, 2],
    ['is_served', IS_SERVED, 2],
    ['local_port', LOCAL_PORT, 2],
    ['remote_port', REMOTE_PORT, 2],
    ['local', LOCAL, 16],
    ['remote', REMOTE, 16],
    ['padding to 8 bytes', REMOTE + 16, 4],
  ]);
}

/** The network namespace a record is from, by inode number. */
export function namespaceOf(view: DataView, offset: number): number {
  return view.getUint32(offset + NAMESPACE, true);
}

/** Reads a `struct owner`. */
export function readOwner(view: DataView, offset: number): SocketOwner {
  return {
    startedNs: Number(view.getBigUint64(offset + STARTED_NS, true)),
    tgid: view.getUint32(offset + TGID, true),
    pid: view.getUint32(offset + PID, true),
    parent: view.getUint32(offset + PARENT, true),
    uid: view.getUint32(offset + UID, true),
    innerPid: view.getUint32(offset + INNER_PID, true),
    pidNamespace: view.getUint32(offset + PID_NAMESPACE, true),
    threadName: readName(view, offset + THREAD_NAME),
    name: readName(view, offset + NAME),
  };
}

/** Reads a `struct record`. `monotonicOffsetUs`: what makes a time of the monotonic clock one of the wall clock. */
export function readRecord(view: DataView, offset: number, monotonicOffsetUs: number): SeenConnection {
  const words = (at: number) => [0, 4, 8, 12].map((word) => view.getUint32(offset + at + word));
  let [local, remote] = [words(LOCAL), words(REMOTE)];
  let ipVersion: 4 | 6 = view.getUint16(offset + FAMILY, true) === AF_INET ? 4 : 6;
  if (ipVersion === 6 && isMapped(remote)) {
    [local, remote] = [
      [local[3], 0, 0, 0],
      [remote[3], 0, 0, 0],
    ]; // IPv4 on the wire, RFC 4291 §2.5.5.2
    ipVersion = 4;
  }
  const side = view.getUint16(offset + IS_SERVED, true) === 0 ? Side.initiator : Side.responder;
  const isInitiator = side === Side.initiator;
  const localPort = view.getUint16(offset + LOCAL_PORT, true);
  const remotePort = view.getUint16(offset + REMOTE_PORT, true);
  return {
    timeUs: Number(view.getBigUint64(offset + TIME_NS, true)) / NS_PER_US + monotonicOffsetUs,
    owner: readOwner(view, offset + OWNER),
    side,
    ipVersion,
    initiatorPort: isInitiator ? localPort : remotePort,
    responderPort: isInitiator ? remotePort : localPort,
    addressWord: (at, word) => (at === side ? local : remote)[word],
  };
}

function isMapped([first, second, third]: readonly number[]): boolean {
  return first === 0 && second === 0 && third === 0xffff;
}

function readName(view: DataView, offset: number): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset + offset, COMM_BYTES);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? COMM_BYTES : end);
}
