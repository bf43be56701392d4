import koffi from 'koffi';

/*
 * The packet filter compiler of libpcap (pcap_compile(3PCAP)). The library is loaded at the first use, so that a
 * machine without it can do everything that needs no filter.
 */

/** Bytes of one instruction of a classic BPF program: `struct sock_filter` of linux/filter.h, `struct bpf_insn`. */
export const BPF_INSTRUCTION_BYTES = 8;

const SNAP_LEN_BYTES = 262_144; // what pcap-savefile(5) calls the largest; only the "accept" value depends on it
const NETMASK_UNKNOWN = 0xffff_ffff;

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
  const lib = pcap();
  const handle = lib.openDead(dlt, SNAP_LEN_BYTES);
  if (handle === null) throw new Error('Cannot compile a capture filter: out of memory');
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
