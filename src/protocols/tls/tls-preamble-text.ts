import { Side } from '../../model/connection.ts';
import { PreambleResult, type TlsPreamble } from './tls-preamble.ts';

/** Who has not asked for TLS within so many bytes of a side is not going to. */
const MAX_PREAMBLE_BYTES = 8192;
/** Longer lines are no commands. */
const MAX_LINE_BYTES = 512;

/** Commands that may come before the wish for TLS; any other means that the session goes on in clear. */
const COMMANDS_BEFORE = /^(?:\S{1,32} )?(?:EHLO|HELO|LHLO|NOOP|RSET|HELP|CAPA|CAPABILITY|ID|FEAT|SYST|QUIT|LOGOUT)\b/i;
const GOODBYE = /^(?:\S{1,32} )?(?:QUIT|LOGOUT)\b/i;
const WISH = /^(?:(\S{1,32}) )?(STARTTLS|STLS|AUTH TLS|AUTH TLS-C|AUTH SSL)\s*$/i;

/**
 * Protocols of lines whose server speaks first: SMTP (RFC 3207) and FTP (RFC 4217), which both greet with 220, IMAP
 * (RFC 9051 §6.2.1) and POP3 (RFC 2595 §4).
 */
export class LinePreamble implements TlsPreamble {
  name: string;
  upgraded = false;
  readonly #lines: [string, string] = ['', ''];
  readonly #bytes: [number, number] = [0, 0];
  /** The client has asked for TLS; the start of the line that grants it. */
  #grant: RegExp | null = null;
  /** The server has refused the wish, and the client has not asked for anything since. */
  #refused = false;

  constructor(name: string) {
    this.name = name;
  }

  /** The protocol a greeting belongs to; null when to none of these. */
  static byGreeting(bytes: Uint8Array, start: number, end: number): LinePreamble | null {
    const greeting = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, 4)).toString('latin1');
    if (/^220[ -]/.test(greeting)) return new LinePreamble('SMTP');
    if (greeting === '* OK') return new LinePreamble('IMAP');
    if (greeting.startsWith('+OK')) return new LinePreamble('POP3');
    return null;
  }

  feed(side: Side, bytes: Uint8Array, start: number, end: number): number {
    this.#bytes[side] += end - start;
    if (this.#bytes[side] > MAX_PREAMBLE_BYTES) return PreambleResult.none;
    for (let at = start; at < end; ) {
      let lineEnd = at;
      while (lineEnd < end && bytes[lineEnd++] !== 0x0a);
      this.#lines[side] += Buffer.from(bytes.buffer, bytes.byteOffset + at, lineEnd - at).toString('latin1');
      const line = this.#lines[side];
      if (line.length > MAX_LINE_BYTES) return PreambleResult.none;
      at = lineEnd;
      if (!line.endsWith('\n')) break;
      this.#lines[side] = '';
      if (side === Side.initiator) {
        if (this.#refused && GOODBYE.test(line)) return PreambleResult.declined;
        this.#refused = false;
        if (!this.#command(line)) return PreambleResult.none;
      } else if (this.#grant !== null && this.#reply(line, this.#grant)) {
        this.upgraded = true;
        return at;
      }
    }
    return PreambleResult.more;
  }

  /** False when the client goes on without TLS. */
  #command(line: string): boolean {
    const wish = WISH.exec(line);
    if (wish === null) return COMMANDS_BEFORE.test(line);
    const [, tag = '', verb = ''] = wish;
    if (/^AUTH/i.test(verb)) this.name = 'FTP';
    const quoted = tag.replace(/[^A-Za-z0-9]/g, '\\$&');
    if (this.name === 'IMAP') this.#grant = new RegExp(`^${quoted} OK`, 'i');
    else this.#grant = this.name === 'POP3' ? /^\+OK/ : /^2\d\d /;
    return true;
  }

  /** True when the line grants TLS; one that refuses ends the wish, others are in between. */
  #reply(line: string, grant: RegExp): boolean {
    if (grant.test(line)) return true;
    const between = this.name === 'IMAP' ? line.startsWith('*') : /^\d\d\d-/.test(line);
    if (!between) {
      this.#grant = null;
      this.#refused = true;
    }
    return false;
  }
}

/** XMPP: `<starttls/>` of the client and `<proceed/>` of the server (RFC 6120 §5.4). */
export class XmppPreamble implements TlsPreamble {
  readonly name = 'XMPP';
  upgraded = false;
  readonly #wish = new Matcher('<starttls');
  readonly #grant = new Matcher('<proceed');
  readonly #bytes: [number, number] = [0, 0];
  #asked = false;
  #granted = false;
  #last = 0;

  feed(side: Side, bytes: Uint8Array, start: number, end: number): number {
    this.#bytes[side] += end - start;
    if (this.#bytes[side] > MAX_PREAMBLE_BYTES) return PreambleResult.none;
    // Anything but a stream is not XMPP: a document, a page.
    if (side === Side.initiator && this.#bytes[0] === end - start && !beginsStream(bytes, start, end)) {
      return PreambleResult.none;
    }
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      if (side === Side.initiator) {
        if (this.#wish.next(byte)) this.#asked = true;
      } else if (!this.#granted) {
        this.#granted = this.#grant.next(byte) && this.#asked;
      } else {
        // <proceed …/> or <proceed …></proceed>
        if (byte === 0x3e && (this.#last === 0x2f || this.#last === 0x64)) {
          this.upgraded = true;
          return at + 1;
        }
        this.#last = byte;
      }
    }
    return PreambleResult.more;
  }
}

function beginsStream(bytes: Uint8Array, start: number, end: number): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, 7)).toString('latin1');
  return '<?xml '.startsWith(text.slice(0, 6)) || '<stream'.startsWith(text);
}

/** Finds a text whose first character does not come again in it. */
class Matcher {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** True when `byte` is the last of the text. */
  next(byte: number): boolean {
    if (byte !== this.#text.charCodeAt(this.#at)) this.#at = 0;
    if (byte === this.#text.charCodeAt(this.#at)) this.#at++;
    if (this.#at < this.#text.length) return false;
    this.#at = 0;
    return true;
  }
}

const HEAD_END = /\r?\n\r?\n/;
const INTERIM_RESPONSE = /^HTTP\/1\.\d 1\d\d/;

/** An HTTP proxy: `CONNECT host:port`, a response 2xx, and then whatever goes through the tunnel (RFC 9110 §9.3.6). */
export class ConnectPreamble implements TlsPreamble {
  readonly name = 'HTTP CONNECT';
  upgraded = false;
  readonly #heads: [string, string] = ['', ''];
  /** The client's head is there to its end. */
  #asked = false;

  /** True when the bytes begin such a request. */
  static begins(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < 8) return false;
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, 8).toString('latin1') === 'CONNECT ';
  }

  feed(side: Side, bytes: Uint8Array, start: number, end: number): number {
    if (side === Side.initiator ? this.#asked : !this.#asked) return PreambleResult.none;
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
    let head = this.#heads[side] + piece;
    let headEnd = HEAD_END.exec(head);
    while (headEnd !== null && INTERIM_RESPONSE.test(head)) {
      head = head.slice(headEnd.index + headEnd[0].length);
      headEnd = HEAD_END.exec(head);
    }
    if (headEnd === null) {
      this.#heads[side] = head;
      return head.length > MAX_PREAMBLE_BYTES ? PreambleResult.none : PreambleResult.more;
    }
    this.#heads[side] = '';
    if (side === Side.initiator) {
      this.#asked = true;
      return PreambleResult.more;
    }
    this.upgraded = /^HTTP\/1\.\d 2\d\d/.test(head);
    return this.upgraded ? end - (head.length - headEnd.index - headEnd[0].length) : PreambleResult.none;
  }
}
