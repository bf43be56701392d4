import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Side } from '../../../src/model/connection.ts';
import { PreambleResult, type TlsPreamble } from '../../../src/protocols/tls/tls-preamble.ts';
import { LdapPreamble, MysqlPreamble, PostgresPreamble } from '../../../src/protocols/tls/tls-preamble-binary.ts';
import { listen, parseDialogue } from './dialogue.ts';

const test = suite('preambles of bytes');

const SSL_REQUEST = '0000000804d2162f';
const GSS_REQUEST = '0000000804d21630';
const LDAP_REQUEST = '301d02010177188016312e332e362e312e342e312e313436362e3230303337';
const [S, N] = ['53', '4e'];

/** Feeds lines like `> hex`, `< hex`; the last result. */
function feed(preamble: TlsPreamble, ...lines: readonly string[]): number {
  let result: number = PreambleResult.more;
  for (const line of lines) {
    const bytes = Buffer.from(line.slice(2), 'hex');
    result = preamble.feed(line.startsWith('>') ? Side.initiator : Side.responder, bytes, 0, bytes.length);
  }
  return result;
}

const dialogues: readonly {
  readonly name: string;
  readonly preamble: () => TlsPreamble;
  readonly lines: readonly string[];
  readonly want: number;
}[] = [
  { name: 'PostgreSQL grants', preamble: postgres, lines: [`> ${SSL_REQUEST}`, `< ${S}`], want: 1 },
  { name: 'PostgreSQL declines', preamble: postgres, lines: [`> ${SSL_REQUEST}`, `< ${N}`], want: -3 },
  {
    name: 'PostgreSQL declines, with more behind',
    preamble: postgres,
    lines: [`> ${SSL_REQUEST}`, `< ${N}45`],
    want: -2,
  },
  { name: 'PostgreSQL answers with an error', preamble: postgres, lines: [`> ${SSL_REQUEST}`, '< 45000000'], want: -2 },
  { name: 'GSSAPI declined is no end', preamble: postgres, lines: [`> ${GSS_REQUEST}`, `< ${N}`], want: -1 },
  { name: 'GSSAPI granted is no TLS', preamble: postgres, lines: [`> ${GSS_REQUEST}`, '< 47'], want: -2 },
  {
    name: 'both declined',
    preamble: postgres,
    lines: [`> ${GSS_REQUEST}`, `< ${N}`, `> ${SSL_REQUEST}`, `< ${N}`],
    want: -3,
  },
  { name: 'an answer before the question', preamble: postgres, lines: ['> 00000008', `< ${S}`], want: -2 },
  { name: 'another request', preamble: postgres, lines: ['> 0000000804d2162e'], want: -2 },
  { name: 'more than a request', preamble: postgres, lines: [`> ${SSL_REQUEST}00`], want: -2 },
  { name: 'LDAP declines', preamble: ldap, lines: [`> ${LDAP_REQUEST}`, '< 300c02010178070a010204000400'], want: -3 },
  { name: 'LDAP grants', preamble: ldap, lines: [`> ${LDAP_REQUEST}`, '< 300c02010178070a010004000400'], want: 14 },
  { name: 'LDAP with a message id that lies', preamble: ldap, lines: ['> 3084ffffffff02ff', '> 616161'], want: -2 },
  { name: 'LDAP answers what was not asked', preamble: ldap, lines: ['< 300c02010178070a010004000400'], want: -2 },
  {
    name: 'LDAP request of a lying length',
    preamble: ldap,
    lines: ['> 3084ffffffff02010177'.padEnd(140, '0')],
    want: -2,
  },
];
for (const { name, preamble, lines, want } of dialogues) {
  test(name, () => assert.is(feed(preamble(), ...lines), want));
  test(`${name}, byte by byte`, () => {
    const fed = preamble();
    const bytes = lines.flatMap((line) =>
      (line.slice(2).match(/../g) ?? []).map((byte) => `${line.slice(0, 2)}${byte}`),
    );
    let result: number = PreambleResult.more;
    for (const byte of bytes) {
      result = feed(fed, byte);
      if (result !== PreambleResult.more) break;
    }
    const isSeenWhole = want !== PreambleResult.none || !/with more behind/.test(name);
    const expected = isSeenWhole ? Math.min(want, 1) : PreambleResult.declined;
    assert.is(result, expected);
  });
}

function postgres(): TlsPreamble {
  return new PostgresPreamble();
}

function ldap(): TlsPreamble {
  return new LdapPreamble();
}

test('MySQL: a greeting is one of its length and version', () => {
  const begins = (text: string) => MysqlPreamble.begins(Buffer.from(text, 'hex'), 0, text.length / 2);
  assert.is(begins('4a0000000a'), true);
  assert.is(begins('4a00000009'), false, 'protocol version 9');
  assert.is(begins('4a0000010a'), false, 'packet number 1');
  assert.is(begins('100000000a'), false, 'too short');
  assert.is(begins('000200000a'), false, 'too long');
  assert.is(begins('4a000000'), false, 'four bytes');
});

test('the reader says that TLS was declined', () => {
  const declined = (lines: string[]) => listen(parseDialogue(lines)).reader.declined;
  assert.is(declined([`> ${SSL_REQUEST}`, `< ${N}`]), true);
  assert.is(declined([`> ${SSL_REQUEST}`, `< ${S}`]), false);
  assert.is(declined([`> ${SSL_REQUEST}`, '< 45']), false);
});

test.run();
