import { spawn } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** A program to run for `kubectl exec`, or why there is none. */
export type Command =
  | { readonly argv: readonly string[]; readonly options: CommandOptions }
  | { readonly problem: string };

interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** What a client of `exec` is told and tells, whatever carries it. */
export interface CommandStreams {
  stdout(chunk: Buffer): void;
  stderr(chunk: Buffer): void;
  /** The end, as a Status object. */
  status(status: object): void;
}

/** The standard input of a running command. */
export interface CommandInput {
  write(chunk: Buffer): void;
  end(): void;
}

/** Runs a command for a client; the client's end ends it. */
export function runCommand(command: Command, streams: CommandStreams): CommandInput & { kill(): void } {
  if ('problem' in command) {
    streams.status({ status: 'Failure', reason: 'InternalError', message: command.problem, code: 500 });
    return { write: () => undefined, end: () => undefined, kill: () => undefined };
  }
  const [file = '', ...rest] = command.argv;
  const child = spawn(file, rest, command.options);
  child.stdout.on('data', (chunk: Buffer) => streams.stdout(chunk));
  child.stderr.on('data', (chunk: Buffer) => streams.stderr(chunk));
  child.on('error', ({ message }) => streams.stderr(Buffer.from(`${message}\n`)));
  child.stdin.on('error', () => undefined); // it does not read what it is sent
  child.on('close', (exitCode) => streams.status(exitStatus(exitCode ?? 137)));
  return {
    write: (chunk) => child.stdin.write(chunk),
    end: () => child.stdin.end(),
    kill: () => child.kill('SIGKILL'),
  };
}

function exitStatus(exitCode: number): object {
  if (exitCode === 0) return { status: 'Success' };
  return {
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

const Channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;
const PROTOCOL = 'v5.channel.k8s.io';

const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
});

/** Answers an upgrade to WebSocket with the output of a command: each message begins with the number of its channel. */
export function execOverWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer, command: Command): void {
  server.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
    const send = (channel: number, chunk: Buffer) => webSocket.send(Buffer.concat([Buffer.from([channel]), chunk]));
    const input = runCommand(command, {
      stdout: (chunk) => send(Channel.stdout, chunk),
      stderr: (chunk) => send(Channel.stderr, chunk),
      status: (status) => {
        send(Channel.status, Buffer.from(JSON.stringify({ metadata: {}, ...status })));
        webSocket.close(1000);
      },
    });
    webSocket.on('message', (data: Buffer) => {
      if (data[0] === Channel.stdin) input.write(data.subarray(1));
      else if (data[0] === Channel.close && data[1] === Channel.stdin) input.end();
    });
    webSocket.on('close', () => input.kill());
  });
}
