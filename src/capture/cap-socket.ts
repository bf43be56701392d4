import { readdirSync } from 'node:fs';
import { bindSocket, SO_ATTACH_FILTER, SOL_SOCKET, socketName, socketOption, takeSocketError } from '../native/libc.ts';
import { BPF_INSTRUCTION_BYTES } from '../native/libpcap.ts';
import { attachFilter } from './packet-socket.ts';
import { AF_PACKET, ETH_P_ALL, packetAddress, SLL_IFINDEX_OFFSET, SOCKADDR_LL_BYTES } from './ring-layout.ts';

/** `ld #ifindex`: the interface a frame was seen on (SKF_AD_IFINDEX of linux/filter.h). */
const LOAD_INTERFACE = { code: 0x20, k: 0xffff_f000 + 8 } as const;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const WHOLE_FRAME_BYTES = 262_144;

/** Descriptors of this process. */
export function openDescriptors(): ReadonlySet<number> {
  return new Set(readdirSync('/proc/self/fd').map(Number));
}

/**
 * Makes `cap` outlive its interface. When the link of a bound packet socket goes down, the socket reports an error,
 * and `cap` 0.2.1 answers that with an assertion that aborts the process. So its socket (the packet socket bound to
 * the interface that was not among the descriptors `before`) is bound to every interface instead, which never goes
 * down, behind a filter that lets only this interface through. To be called in the same turn of the event loop in
 * which `cap` opened it, so that no error can come in between. Throws `SystemError`, or when there is no such socket.
 */
export function detachFromLink(before: ReadonlySet<number>, interfaceIndex: number): void {
  const fd = findPacketSocket(before, interfaceIndex);
  const own = attachedProgram(fd);
  const program = Buffer.alloc(3 * BPF_INSTRUCTION_BYTES + own.length);
  writeInstruction(program, 0, LOAD_INTERFACE.code, 0, LOAD_INTERFACE.k);
  writeInstruction(program, 1, JUMP_IF_EQUAL, 1, interfaceIndex);
  writeInstruction(program, 2, RETURN, 0, 0);
  program.set(own, 3 * BPF_INSTRUCTION_BYTES);
  attachFilter(fd, { instructions: program, instructionCount: program.length / BPF_INSTRUCTION_BYTES });
  bindSocket(fd, packetAddress(0, ETH_P_ALL), 'bind the socket of cap to every interface');
  takeSocketError(fd); // in case the link went down in between
}

function findPacketSocket(before: ReadonlySet<number>, interfaceIndex: number): number {
  const address = Buffer.alloc(SOCKADDR_LL_BYTES);
  for (const fd of openDescriptors()) {
    if (before.has(fd) || !socketName(fd, address)) continue;
    if (address.readUInt16LE(0) === AF_PACKET && address.readInt32LE(SLL_IFINDEX_OFFSET) === interfaceIndex) return fd;
  }
  throw new Error('Cannot find the socket that cap opened; use CAPTURE_BACKEND=ring');
}

/** The program a socket has, or one that takes everything. */
function attachedProgram(fd: number): Buffer {
  const SO_GET_FILTER = SO_ATTACH_FILTER; // the same number: read instead of set (socket(7)); it counts instructions
  const count = socketOption(fd, SOL_SOCKET, SO_GET_FILTER, null, 0);
  const program = Buffer.alloc(Math.max(1, count) * BPF_INSTRUCTION_BYTES);
  if (count > 0) socketOption(fd, SOL_SOCKET, SO_GET_FILTER, program, count);
  else writeInstruction(program, 0, RETURN, 0, WHOLE_FRAME_BYTES);
  return program;
}

/** `struct sock_filter`: code, jump if true, jump if false (always 0 here), operand. */
function writeInstruction(program: Buffer, index: number, code: number, jumpTrue: number, k: number): void {
  const offset = index * BPF_INSTRUCTION_BYTES;
  program.writeUInt16LE(code, offset);
  program.writeUInt8(jumpTrue, offset + 2);
  program.writeUInt32LE(k, offset + 4);
}
