import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Puts files into a directory the way the kubelet mounts a ConfigMap: each is a link through `..data`, a link to a
 * directory with one version of them all, which is exchanged as a whole. The old version goes afterwards.
 */
export class ConfigMapMount {
  readonly #directory: string;
  #versions = 0;

  /** `directory` has to be there. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Puts these files, and no others, in place. */
  publish(files: Readonly<Record<string, string>>): void {
    const at = (...names: string[]) => join(this.#directory, ...names);
    const version = `..version-${++this.#versions}`;
    mkdirSync(at(version));
    for (const [file, text] of Object.entries(files)) writeFileSync(at(version, file), text);
    symlinkSync(version, at('..data_tmp'));
    renameSync(at('..data_tmp'), at('..data'));
    const shown = readdirSync(this.#directory).filter((file) => !file.startsWith('..'));
    const linked = shown.filter((file) => file in files && lstatSync(at(file)).isSymbolicLink());
    for (const file of shown) if (!(file in files)) rmSync(at(file));
    for (const file of Object.keys(files)) {
      if (linked.includes(file)) continue;
      symlinkSync(join('..data', file), at('..link_tmp'));
      renameSync(at('..link_tmp'), at(file)); // a file that was put there by hand is never missing
    }
    rmSync(at(`..version-${this.#versions - 1}`), { recursive: true, force: true });
  }
}
