/** A whole head of an answer. One object is filled again and again: it is valid during the call it was handed to. */
export interface Answer {
  /** HTTP status, or that of gRPC. */
  readonly status: number;
  readonly isGrpc: boolean;
  /** From the first byte of the request to that of the answer, microseconds; -1 when that is not known. */
  readonly tookUs: number;
  /** Path of the request up to `?`, cut; empty when it is not known. */
  path(): string;
}
