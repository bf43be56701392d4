import type { Side } from '../../model/connection.ts';

/** Results of a preamble beside the offset at which TLS begins. */
export const PreambleResult = {
  /** All bytes were taken, and it is still open whether TLS follows. */
  more: -1,
  /** TLS is not going to follow. */
  none: -2,
  /** The client asked for TLS, the server declined, and nothing follows. */
  declined: -3,
} as const;

/** What is spoken in clear before TLS begins in a connection (STARTTLS and its like). */
export interface TlsPreamble {
  /** The protocol. */
  readonly name: string;
  /** True once both sides have agreed on TLS. */
  readonly upgraded: boolean;
  /** Takes the next bytes of a side: a `PreambleResult`, or where in `bytes` TLS begins (`end` when behind them). */
  feed(side: Side, bytes: Uint8Array, start: number, end: number): number;
}
