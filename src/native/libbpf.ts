import koffi from 'koffi';
import { lastError, SystemError } from './errno.ts';

/*
 * What is needed of libbpf 1.x: a compiled object is opened, loaded into the kernel, attached, and its maps are used. The
 * library is loaded at the first use, so that a machine without it can do everything that needs no eBPF.
 */

type Handle = bigint;

const HINTS: Readonly<Record<string, string>> = {
  EPERM: 'needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN',
  EACCES: 'needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN',
  ESRCH: 'this kernel has no BTF, or not the tracepoint',
  EINVAL: 'this kernel is too old; Linux 5.12 or newer is needed',
  E2BIG: 'this kernel is too old; Linux 5.12 or newer is needed',
  ENOSYS: 'this kernel has no eBPF',
};

function load() {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libbpf.so.1');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot load libbpf 1.x: ${reason}; install the package libbpf1`);
  }
  const functions = {
    setPrint: library.func('void *libbpf_set_print(void *print)') as (print: null) => Handle | null,
    open: library.func('void *bpf_object__open_file(const char *path, const void *options)') as (
      path: string,
      options: null,
    ) => Handle | null,
    load: library.func('int bpf_object__load(void *object)') as (object: Handle) => number,
    close: library.func('void bpf_object__close(void *object)') as (object: Handle) => void,
    findProgram: library.func('void *bpf_object__find_program_by_name(const void *object, const char *name)') as (
      object: Handle,
      name: string,
    ) => Handle | null,
    findMap: library.func('int bpf_object__find_map_fd_by_name(const void *object, const char *name)') as (
      object: Handle,
      name: string,
    ) => number,
    attach: library.func('void *bpf_program__attach(const void *program)') as (program: Handle) => Handle | null,
    detach: library.func('int bpf_link__destroy(void *link)') as (link: Handle) => number,
    update: library.func('int bpf_map_update_elem(int map, const void *key, const void *value, uint64_t flags)') as (
      map: number,
      key: Uint8Array,
      value: Uint8Array,
      flags: number,
    ) => number,
    remove: library.func('int bpf_map_delete_elem(int map, const void *key)') as (
      map: number,
      key: Uint8Array,
    ) => number,
    lookup: library.func('int bpf_map_lookup_elem(int map, const void *key, void *value)') as (
      map: number,
      key: Uint8Array,
      value: Uint8Array,
    ) => number,
  };
  functions.setPrint(null); // what goes wrong is told by errno; libbpf's own lines would go to standard error
  return functions;
}

let loaded: ReturnType<typeof load> | null = null;

function bpf(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/** A compiled object that is in the kernel. To be closed: that takes it out again. */
export class BpfObject {
  readonly #object: Handle;
  readonly #links: Handle[] = [];

  /** Loads the object of a file into the kernel. Throws `SystemError`, and an `Error` when libbpf is not installed. */
  constructor(path: string) {
    const object = bpf().open(path, null);
    if (object === null) throw lastError(`open the eBPF object ${path}`);
    const failure = bpf().load(object);
    if (failure < 0) {
      bpf().close(object);
      throw new SystemError('load the eBPF program into the kernel', -failure, hintFor(-failure));
    }
    this.#object = object;
  }

  /** Lets a program run wherever its section says. Throws `SystemError`. */
  attach(program: string): void {
    const found = bpf().findProgram(this.#object, program);
    const link = found === null ? null : bpf().attach(found);
    if (link === null) throw lastError(`attach the eBPF program ${program}`, HINTS);
    this.#links.push(link);
  }

  /** The descriptor of a map; it belongs to the object. Throws `SystemError`. */
  map(name: string): number {
    const fd = bpf().findMap(this.#object, name);
    if (fd < 0) throw new SystemError(`find the eBPF map ${name}`, -fd);
    return fd;
  }

  close(): void {
    for (const link of this.#links.splice(0)) bpf().detach(link);
    bpf().close(this.#object);
  }
}

/** Sets an entry of a map; false when there is no room for it. */
export function setEntry(map: number, key: Uint8Array, value: Uint8Array): boolean {
  return bpf().update(map, key, value, 0) === 0;
}

/** Takes an entry out of a map, if it is there. */
export function removeEntry(map: number, key: Uint8Array): void {
  bpf().remove(map, key);
}

/** Reads an entry of a map into `value`; false when there is none. */
export function readEntry(map: number, key: Uint8Array, value: Uint8Array): boolean {
  return bpf().lookup(map, key, value) === 0;
}

function hintFor(errno: number): string | undefined {
  const code = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0];
  return code === undefined ? undefined : HINTS[code];
}
