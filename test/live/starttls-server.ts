/**
 * Servers of protocols that begin in clear and go over to TLS, as far as a client needs them to: one on each port of
 * `STARTTLS_PORTS`. Run as a program in a directory with `rsa.pem` and `rsa.key`.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { pathToFileURL } from 'node:url';

/** Where each protocol is spoken. */
export const STARTTLS_PORTS = { smtp: 2525, imap: 2143, pop3: 2110, ldap: 2389, postgres: 2432, mysql: 2306 } as const;

type Protocol = keyof typeof STARTTLS_PORTS;

interface Script {
  readonly greeting: Buffer;
  /** What answers each message of the client in turn; after the last one TLS begins. */
  readonly answers: readonly Buffer[];
  /** Bytes of the client's last message; absent where it waits for the answer before it begins TLS. */
  readonly lastBytes?: number;
}

const text = (line: string) => Buffer.from(line);
const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const NOTHING = Buffer.alloc(0);
/** Protocol 10, `8.0`, thread 1, a scramble of eight bytes, and the capability of TLS (0x0800) among others. */
const MYSQL_GREETING = hex(
  '28000000 0a 382e3000 01000000 6162636465666768 00 ffff 08 0200 ffc7 15 00000000000000000000 00000000',
);

const SCRIPTS: Readonly<Record<Protocol, Script>> = {
  smtp: {
    greeting: text('220 shop.example ESMTP\r\n'),
    answers: [text('250-shop.example\r\n250 STARTTLS\r\n'), text('220 go ahead\r\n')],
  },
  imap: {
    greeting: text('* OK ready\r\n'),
    answers: [text('* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK done\r\n'), text('. OK begin\r\n')],
  },
  pop3: { greeting: text('+OK ready\r\n'), answers: [text('+OK begin\r\n')] },
  ldap: { greeting: NOTHING, answers: [hex('300c0201017807 0a0100 0400 0400')] },
  postgres: { greeting: NOTHING, answers: [text('S')] },
  mysql: { greeting: MYSQL_GREETING, answers: [NOTHING], lastBytes: 36 },
};

function speak(script: Script, socket: Socket): void {
  const context = createSecureContext({ cert: readFileSync('rsa.pem'), key: readFileSync('rsa.key') });
  let said = 0;
  socket.on('error', () => undefined);
  socket.write(script.greeting);
  const listen = (): void => {
    socket.once('readable', () => {
      if (socket.read(said === script.answers.length - 1 ? script.lastBytes : undefined) === null) return listen();
      socket.write(script.answers[said++] ?? NOTHING);
      if (said < script.answers.length) {
        listen();
        return;
      }
      const secure = new TLSSocket(socket, { isServer: true, secureContext: context });
      secure.on('error', () => undefined).on('data', () => secure.end());
    });
  };
  listen();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [protocol, port] of Object.entries(STARTTLS_PORTS)) {
    createServer((socket) => speak(SCRIPTS[protocol as Protocol], socket)).listen(port);
  }
}
