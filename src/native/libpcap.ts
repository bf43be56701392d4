import koffi from 'koffi';

/*
 * The packet filter compiler of libpcap (pcap_compile(3PCAP)). The library is loaded at the first use, so that a
 * machine without it can do everything that needs no filter.
 */

/** Bytes of one instruction of a classic BPF program: `struct sock_filter` of linux/filter.h, `struct bpf_insn`. */
export const BPF_INSTRUCTION_BYTES = 8;

const SNAP_LEN_BYTES = 262_144; // what pcap-savefile(5) calls the largest; only the "accept" value depends on it
const NETMASK_UNKNOWN = 0xffff_ffff;

/** PCAP_ERRBUF_SIZE. */
const ERROR_BYTES = 256;

/** Buffer of a device that is opened for the compiler only: nothing is read from it. */
const DEVICE_BUFFER_BYTES = 1 << 20;

type Handle = bigint;

function load() {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libpcap.so.0.8');
  } catch {
    try {
      library = koffi.load('libpcap.so.1'); // the name outside Debian
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot load libpcap, which compiles capture filters: ${reason}; install the package libpcap0.8`);
    }
  }
  return {
    openDead: library.func('void *pcap_open_dead(int linktype, int snaplen)') as (
      dlt: number,
      snapLen: number,
    ) => Handle | null,
    create: library.func('void *pcap_create(const char *device, void *error)') as (
      device: string,
      error: Uint8Array,
    ) => Handle | null,
    setBufferSize: library.func('int pcap_set_buffer_size(void *p, int bytes)') as (p: Handle, bytes: number) => number,
    activate: library.func('int pcap_activate(void *p)') as (p: Handle) => number,
    compile: library.func(
      'int pcap_compile(void *p, void *program, const char *text, int optimize, uint32_t netmask)',
    ) as (p: Handle, program: Uint8Array, text: string, optimize: number, netmask: number) => number,
    getError: library.func('const char *pcap_geterr(void *p)') as (p: Handle) => string,
    freeCode: library.func('void pcap_freecode(void *program)') as (program: Uint8Array) => void,
    close: library.func('void pcap_close(void *p)') as (p: Handle) => void,
    filter: library.func(
      'uint32_t bpf_filter(const void *program, const void *packet, uint32_t wireLength, uint32_t length)',
    ) as (program: Uint8Array, packet: Uint8Array, wireLength: number, length: number) => number,
  };
}

let loaded: ReturnType<typeof load> | null = null;

function pcap(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/**
 * Compiles a pcap-filter(7) expression for a data link type (a `DLT_` number of pcap/dlt.h, which is not always the
 * number in capture files). Gives the instructions, `BPF_INSTRUCTION_BYTES` each, as a copy the caller owns. Throws
 * with libpcap's own words when the expression is wrong, and when libpcap is not there.
 */
export function compilePcapFilter(expression: string, dlt: number): Buffer {
  const handle = pcap().openDead(dlt, SNAP_LEN_BYTES);
  if (handle === null) throw new Error('Cannot compile a capture filter: out of memory');
  return compileAndClose(handle, expression);
}

/**
 * Like `compilePcapFilter`, for the packet socket of an interface of the current network namespace: the program may
 * use what the kernel keeps beside a frame, such as a VLAN tag it has taken out. The device is opened for that, and
 * closed again. Needs CAP_NET_RAW.
 */
export function compileDevicePcapFilter(expression: string, device: string): Buffer {
  const lib = pcap();
  const reason = Buffer.alloc(ERROR_BYTES);
  const handle = lib.create(device, reason);
  if (handle === null) throw new Error(reason.toString('utf8', 0, Math.max(0, reason.indexOf(0))));
  lib.setBufferSize(handle, DEVICE_BUFFER_BYTES);
  if (lib.activate(handle) < 0) {
    const message = lib.getError(handle);
    lib.close(handle);
    throw new Error(message);
  }
  return compileAndClose(handle, expression);
}

function compileAndClose(handle: Handle, expression: string): Buffer {
  const lib = pcap();
  const program = Buffer.alloc(16); // struct bpf_program { u_int bf_len; struct bpf_insn *bf_insns; }
  try {
    if (lib.compile(handle, program, expression, 1, NETMASK_UNKNOWN) !== 0) throw new Error(lib.getError(handle));
    const length = program.readUInt32LE(0) * BPF_INSTRUCTION_BYTES;
    const instructions = Buffer.alloc(length);
    instructions.set(new Uint8Array(koffi.view(program.readBigUInt64LE(8), length)));
    lib.freeCode(program);
    return instructions;
  } finally {
    lib.close(handle);
  }
}

/**
 * Runs a compiled program over one frame (bpf_filter of libpcap): true when it accepts. `frame` begins at the link
 * header; `wireLengthBytes` is what `len` in an expression means.
 */
export function runPcapFilter(program: Uint8Array, frame: Uint8Array, wireLengthBytes: number): boolean {
  return pcap().filter(program, frame, wireLengthBytes, frame.length) !== 0;
}
