import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Command, runCommand } from './remote-command.ts';

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
