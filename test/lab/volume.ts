import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { run } from './program.ts';

/** Flags of EXT4_IOC_SHUTDOWN (linux/fs/ext4/ext4.h): without flushing the log, as if the disk had gone. */
const SHUT_DOWN = `import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 2))`;
const IMAGE_BYTES = 32 << 20;

/** A small file system of its own that can be filled, broken and mended. It goes with the lab. */
export class Volume {
  /** Where it is mounted. */
  readonly path: string;

  private constructor(lab: Lab) {
    const above = mkdtempSync(join(lab.directory, 'volume-'));
    // shared, so that programs in network namespaces, which have mounts of their own, see it come and go
    run(['mount', '--bind', above, above]);
    run(['mount', '--make-shared', above]);
    this.path = join(above, 'mounted');
    mkdirSync(this.path);
    lab.defer(() => run(['umount', '-l', '-R', above]));
  }

  /** In memory, of a certain size. */
  static inMemory(lab: Lab, sizeMib: number): Volume {
    const volume = new Volume(lab);
    run(['mount', '-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'dllt-test', volume.path]);
    return volume;
  }

  /** A disk of 32 MiB: an ext4 file system in a file. */
  static disk(lab: Lab): Volume {
    const volume = new Volume(lab);
    volume.#mountNewDisk();
    return volume;
  }

  /** Leaves at most `freeBytes` free; called again, makes room again. */
  leave(freeBytes: number): void {
    const ballast = join(this.path, 'ballast');
    rmSync(ballast, { force: true });
    const [available = 0] = run(['df', '--output=avail', '-B1', this.path]).match(/\d+/)?.map(Number) ?? [];
    run(['fallocate', '-l', String(Math.max(1, available - freeBytes)), ballast]);
  }

  /** A directory on it. */
  directory(name: string): string {
    const path = join(this.path, name);
    mkdirSync(path);
    return path;
  }

  /** From now on everything on a disk fails with EIO. */
  breakDisk(): void {
    run(['python3', '-c', SHUT_DOWN, this.path]);
  }

  /** Makes a disk read-only while files on it are written, as the kernel does when it finds an error on it. */
  makeReadOnly(): void {
    const device = run(['findmnt', '-n', '-o', 'SOURCE', this.path]).trim().replace('/dev/', '');
    writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, '1');
  }

  /** Takes a broken disk away and puts a new, empty one into its place. */
  replaceDisk(): void {
    run(['umount', '-l', this.path]);
    this.#mountNewDisk();
  }

  #mountNewDisk(): void {
    const image = `${this.path}.image`;
    rmSync(image, { force: true });
    writeFileSync(image, '');
    truncateSync(image, IMAGE_BYTES);
    run(['mkfs.ext4', '-q', image]);
    run(['mount', '-o', 'loop,errors=remount-ro', image, this.path]);
  }
}
