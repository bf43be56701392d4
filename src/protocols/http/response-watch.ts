import type { StreamConsumer } from '../stream/in-order-stream.ts';
import type { HttpMatches } from './http-matches.ts';
import type { RequestReader } from './request-reader.ts';

const BEGINNING = [...'HTTP/1.'].map((letter) => letter.charCodeAt(0));
const STATUS_AT = BEGINNING.length + 2; // one digit and a space
const STATUS_END = STATUS_AT + 3;
const CR = 0x0d;
const LF = 0x0a;
const SWITCHING_PROTOCOLS = 101;

const Part = { status: 0, restOfHead: 1, ignored: 2 } as const;

/**
 * Looks at what the responder sends only while a request to change the protocol waits for its answer: a 101, or a 2xx
 * to a CONNECT, ends the reading (RFC 9110 §7.8, §9.3.6). Answers are looked for where a segment begins and behind an
 * interim one; until the client goes on with requests the answer may still come.
 */
export class ResponseWatch implements StreamConsumer {
  readonly #report: HttpMatches;
  readonly #requests: RequestReader;
  #part: number = Part.status;
  #count = 0;
  #status = 0;
  #lineBytes = 0;

  constructor(report: HttpMatches, requests: RequestReader) {
    this.#report = report;
    this.#requests = requests;
  }

  data(bytes: Uint8Array, start: number, end: number, _timeUs: number): void {
    if (this.#requests.awaits === 'nothing' || this.#report.finished) {
      this.#startStatus();
      return;
    }
    if (this.#part === Part.ignored) this.#startStatus();
    for (let i = start; i < end && this.#part !== Part.ignored && !this.#report.finished; i++) {
      if (this.#part === Part.status) this.#readStatus(bytes[i]);
      else this.#readRest(bytes[i]);
    }
  }

  gap(_lengthBytes: number): void {
    this.#startStatus();
  }

  #startStatus(): void {
    this.#part = Part.status;
    this.#count = 0;
    this.#status = 0;
  }

  #readStatus(byte: number): void {
    const at = this.#count++;
    if (at < BEGINNING.length) {
      if (byte !== BEGINNING[at]) this.#part = Part.ignored;
    } else if (at >= STATUS_AT) {
      this.#status = this.#status * 10 + byte - 0x30;
      if (this.#count === STATUS_END) this.#judge();
    }
  }

  #judge(): void {
    const status = this.#status;
    const awaits = this.#requests.awaits;
    if (status === SWITCHING_PROTOCOLS) {
      // HTTP/2 goes on with its preface, which the other direction will see.
      if (awaits !== 'http2') this.#report.end('upgraded');
      this.#part = Part.ignored;
    } else if (status >= 100 && status < 200) {
      if (awaits === 'continue') this.#requests.awaits = 'nothing';
      this.#part = Part.restOfHead;
      this.#lineBytes = 1;
    } else {
      if (awaits === 'tunnel' && status >= 200 && status < 300) this.#report.end('tunnel');
      if (awaits === 'continue') this.#requests.awaits = 'refused';
      this.#part = Part.ignored;
    }
  }

  #readRest(byte: number): void {
    if (byte === LF) {
      if (this.#lineBytes === 0) this.#startStatus();
      this.#lineBytes = 0;
    } else if (byte !== CR) {
      this.#lineBytes = 1;
    }
  }
}
