/**
 * Hands connections on, with a PROXY protocol header of version 2 before their first byte, as a load balancer does. Run
 * as a program: `preamble-relay.js PORT HOST PORT`.
 */
import { connect, createServer } from 'node:net';
import { pathToFileURL } from 'node:url';

/** The source that the header names. */
export const PROXIED_FROM = '192.0.2.7:4711';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
/** Version 2, PROXY; TCP over IPv4; 12 bytes of addresses and ports, 7 of one option (PP2_TYPE_NOOP). */
const HEADER = Buffer.from(
  `${SIGNATURE} 21 11 0013 c0000207 c6336401 1267 01bb 04 0004 00000000`.replaceAll(' ', ''),
  'hex',
);

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [port = '', host = '', remotePort = ''] = process.argv.slice(2);
  const server = createServer((socket) => {
    const onwards = connect(Number(remotePort), host, () => {
      onwards.write(HEADER);
      socket.pipe(onwards).pipe(socket);
    });
    onwards.on('error', () => socket.destroy());
    socket.on('error', () => onwards.destroy());
  });
  server.listen(Number(port));
}
