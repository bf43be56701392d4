/** Hexadecimal text of TLS structures, for dialogues written by hand. */

function uint(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, '0');
}

/** `body` behind its length in so many bytes. */
export function counted(body: string, lengthBytes: number): string {
  return uint(body.length / 2, lengthBytes) + body;
}

/** A record (RFC 8446 §5.1). */
export function record(type: number, body: string, version = 0x0303): string {
  return uint(type, 1) + uint(version, 2) + counted(body, 2);
}

/** A record of application data with so many bytes, as TLS 1.3 shows everything protected. */
export function protectedRecord(lengthBytes: number, type = 23): string {
  return record(type, 'e7'.repeat(lengthBytes));
}

/** A handshake message (RFC 8446 §4). */
export function message(type: number, body: string): string {
  return uint(type, 1) + counted(body, 3);
}

export interface HelloOptions {
  readonly version?: number;
  readonly versions?: readonly number[];
  readonly suites?: readonly number[];
  readonly name?: string;
  readonly alpn?: readonly string[];
  readonly sessionId?: string;
  readonly earlyData?: boolean;
  readonly psk?: boolean;
  readonly random?: string;
}

function extension(type: number, body: string): string {
  return uint(type, 2) + counted(body, 2);
}

/** A ClientHello message. */
export function clientHello(options: HelloOptions = {}): string {
  const { version = 0x0303, versions, suites = [0x1301, 0xc02f], name, alpn, sessionId = '' } = options;
  let extensions = '';
  if (name !== undefined) {
    extensions += extension(0, counted(`00${counted(Buffer.from(name, 'latin1').toString('hex'), 2)}`, 2));
  }
  if (alpn !== undefined) {
    const list = alpn.map((one) => counted(Buffer.from(one, 'latin1').toString('hex'), 1)).join('');
    extensions += extension(16, counted(list, 2));
  }
  if (options.earlyData) extensions += extension(42, '');
  if (versions !== undefined) extensions += extension(43, counted(versions.map((one) => uint(one, 2)).join(''), 1));
  const list = counted(suites.map((one) => uint(one, 2)).join(''), 2);
  const tail = extensions === '' ? '' : counted(extensions, 2);
  return message(1, `${uint(version, 2)}${'a1'.repeat(32)}${counted(sessionId, 1)}${list}0100${tail}`);
}

/** A ServerHello message that chooses the last of `versions` through supported_versions. */
export function serverHello(options: HelloOptions = {}): string {
  const { version = 0x0303, versions, suites = [0xc02f], alpn, sessionId = '', random = 'b2'.repeat(32) } = options;
  let extensions = '';
  const chosen = versions?.at(-1);
  if (chosen !== undefined) extensions += extension(43, uint(chosen, 2));
  if (alpn !== undefined) {
    extensions += extension(16, counted(counted(Buffer.from(alpn[0] ?? '', 'latin1').toString('hex'), 1), 2));
  }
  if (options.psk) extensions += extension(41, '0000');
  const tail = extensions === '' ? '' : counted(extensions, 2);
  return message(2, `${uint(version, 2)}${random}${counted(sessionId, 1)}${uint(suites[0] ?? 0, 2)}00${tail}`);
}

/** An alert record in clear. */
export function alert(level: number, description: number, version = 0x0303): string {
  return record(21, uint(level, 1) + uint(description, 1), version);
}
