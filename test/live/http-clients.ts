/**
 * Clients for `http.test.ts` made of Node's own modules. Run as a program: `http-clients.js NAME [HOST]`. Each sends its
 * requests with `X-Pepe: NAME-<number>` and ends when all are answered.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:http2';
import { NODE_HTTP2_PORT, NODE_PORT } from './http-servers.ts';

const COUNT = 30;
const [, , wanted = '', host = '127.0.0.1'] = process.argv;

async function keepAlive(name: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < COUNT; i++) {
    const outgoing = request({
      agent,
      port: NODE_PORT,
      host,
      method: ['GET', 'POST', 'REPORT'][i % 3],
      headers: {
        'X-Pepe': `${name}-${i}`,
        Cookie: 'c'.repeat(i * 97),
        ...(i % 2 === 0 ? { Expect: '100-continue' } : {}),
      },
    });
    if (i % 3 > 0)
      for (let chunk = 0; chunk < i; chunk++) outgoing.write(`X-Pepe: body${'b'.repeat(chunk * 50)}\r\n\r\n`);
    outgoing.end();
    const [response] = await once(outgoing, 'response');
    response.resume();
    await once(response, 'end');
  }
  agent.destroy();
}

async function grpc(name: string): Promise<void> {
  const session = connect(`http://${host}:${NODE_HTTP2_PORT}`);
  const calls = Array.from({ length: COUNT }, async (_, i) => {
    const stream = session.request(
      {
        ':method': 'POST',
        ':path': `/shop.Cart/Get${i % 4}`,
        te: 'trailers',
        'content-type': 'application/grpc+proto',
        'user-agent': 'grpc-node-js/1.9',
        'x-pepe': `${name}-${i}`,
        'x-long': 'l'.repeat(i * 300),
      },
      { waitForTrailers: i % 2 === 0 },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-pepe': 'a trailer' }));
    stream.resume();
    stream.end(Buffer.alloc(i * 1000, 'X-Pepe: data'));
    await once(stream, 'close');
  });
  await Promise.all(calls);
  session.close();
}

async function upgrade(name: string): Promise<void> {
  const headers = { Connection: 'Upgrade', Upgrade: 'echo', 'X-Pepe': `${name}-0` };
  const outgoing = request({ port: NODE_PORT, host, headers });
  outgoing.end();
  const [, socket] = await once(outgoing, 'upgrade');
  socket.write('GET / HTTP/1.1\r\nX-Pepe: behind the upgrade\r\n\r\n');
  await once(socket, 'data');
  socket.destroy();
}

const client = { 'keep-alive': keepAlive, grpc, upgrade }[wanted];
if (client !== undefined) await client(wanted);
