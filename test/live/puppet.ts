/**
 * A TCP client that does what it is told, a line at a time on standard input, and says what happens to it: for tests in
 * which the moment matters. Run as a program: `puppet.js HOST PORT`.
 *
 *     send BASE64 · end (FIN) · reset (RST)
 *
 * It says `connected`, `received BYTES`, `finished` (the other side's FIN), `error CODE`, `closed`. Its own side stays
 * open until it is told to end.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Lab, Pod } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';

/** A client that a test leads. */
export class Puppet {
  readonly program: Program;

  private constructor(program: Program) {
    this.program = program;
  }

  /** Starts one in a pod and waits until it is connected. */
  static async connect(lab: Lab, pod: Pod, host: string, port: number): Promise<Puppet> {
    const argv = [process.execPath, fileURLToPath(import.meta.url), host, String(port)];
    const puppet = new Puppet(lab.start(pod.namespace, argv, { stdio: 'pipe' }));
    await puppet.says(/^connected$/m);
    return puppet;
  }

  send(bytes: string | Uint8Array): void {
    this.#tell(`send ${Buffer.from(bytes).toString('base64')}`);
  }

  /** Sends FIN. */
  end(): void {
    this.#tell('end');
  }

  reset(): void {
    this.#tell('reset');
  }

  /** Waits until it says something. */
  async says(pattern: RegExp): Promise<void> {
    await this.program.waitForOutput(pattern, { timeoutMs: 20_000 });
  }

  /** Sends a request and waits for the first bytes of the answer. */
  async ask(request: string | Uint8Array): Promise<void> {
    this.send(request);
    await this.says(/^received/m);
  }

  #tell(line: string): void {
    this.program.child.stdin?.write(`${line}\n`);
  }
}

function run(host: string, port: number): void {
  const socket = connect({ host, port, allowHalfOpen: true });
  const say = (text: string) => process.stdout.write(`${text}\n`);
  socket.on('connect', () => say('connected'));
  socket.on('data', (bytes: Buffer) => say(`received ${bytes.length}`));
  socket.on('end', () => say('finished'));
  socket.on('error', (error: NodeJS.ErrnoException) => say(`error ${error.code}`));
  socket.on('close', () => {
    say('closed');
    process.exit();
  });
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [command, argument = ''] = line.split(' ');
    if (command === 'send') socket.write(Buffer.from(argument, 'base64'));
    else if (command === 'end') socket.end();
    else if (command === 'reset') socket.resetAndDestroy();
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) run(process.argv[2] ?? '', Number(process.argv[3]));
