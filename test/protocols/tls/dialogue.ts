import { Side } from '../../../src/model/connection.ts';
import { StreamBudget } from '../../../src/protocols/stream/stream-budget.ts';
import { CertificateCache } from '../../../src/protocols/tls/certificate.ts';
import { TlsReader } from '../../../src/protocols/tls/tls-reader.ts';
import type { TlsSignal } from '../../../src/protocols/tls/tls-signal.ts';

/** What one side does: bytes, bytes nobody captured, or the end of its side. */
export type Step =
  | { readonly side: Side; readonly bytes: Uint8Array }
  | { readonly side: Side; readonly gap: number }
  | { readonly side: Side; readonly end: 'FIN' | 'RST' };

/** Steps of lines like `> 1603…`, `< "220 ready\r\n"`, `< gap 12`, `> FIN`; `>` is the client. */
export function parseDialogue(lines: readonly string[]): Step[] {
  return lines.map((line) => {
    const side = line.startsWith('>') ? Side.initiator : Side.responder;
    const what = line.slice(2);
    if (what === 'FIN' || what === 'RST') return { side, end: what };
    if (what.startsWith('gap ')) return { side, gap: Number(what.slice(4)) };
    const bytes = what.startsWith('"')
      ? Buffer.from(JSON.parse(what), 'latin1')
      : Buffer.from(what.replaceAll(' ', ''), 'hex');
    return { side, bytes: new Uint8Array(bytes) };
  });
}

/** A reader and what it has said; every packet comes 100 µs after the one before, in memory that is then overwritten. */
export class Listener {
  readonly reader: TlsReader;
  readonly signals: TlsSignal[] = [];
  timeUs = Date.UTC(2030, 0, 1) * 1000;
  readonly #memory = new Uint8Array(70_000);

  constructor(certificates = new CertificateCache()) {
    this.reader = new TlsReader({ certificates, messageBudget: new StreamBudget(1 << 24) });
  }

  step(step: Step): void {
    this.timeUs += 100;
    if ('gap' in step) {
      this.reader.gap(step.side, step.gap);
    } else if ('end' in step) {
      this.reader.closed(step.side, step.end === 'RST', this.timeUs);
    } else {
      this.#memory.set(step.bytes, 3);
      this.reader.data(step.side, this.#memory, 3, 3 + step.bytes.length, this.timeUs);
      this.#memory.fill(0xa5, 0, 6 + step.bytes.length);
    }
    this.signals.push(...this.reader.takeSignals());
  }

  /** What was said, in short. */
  get said(): string {
    return this.signals.map(shown).join(', ');
  }
}

/** A signal in a few words. */
export function shown(signal: TlsSignal): string {
  switch (signal.kind) {
    case 'completed':
      return `completed ${signal.session.version}${signal.session.resumed ? ' resumed' : ''}${signal.confidence === '' ? '' : ' doubtful'}`;
    case 'alert':
      return `alert ${signal.value} by ${signal.side}${signal.reason === 'read' ? '' : ` ${signal.reason}`}${signal.inferred ? ' inferred' : ''}`;
    case 'abandoned':
      return 'abandoned';
    case 'violation':
      return `violation ${signal.violation} ${signal.value} by ${signal.side}`;
  }
}

/** Feeds the steps; what was said. */
export function listen(steps: readonly Step[]): Listener {
  const listener = new Listener();
  for (const step of steps) listener.step(step);
  return listener;
}
