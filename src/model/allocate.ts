/**
 * Gives zeroed memory, `lengthBytes` long, that becomes resident only where it is touched. Who calls does not know where
 * it comes from: a session hands in memory of the operating system, tests take the engine's.
 */
export type Allocate = (lengthBytes: number) => ArrayBuffer;

/** Memory of the JavaScript engine. */
export const allocateBuffer: Allocate = (lengthBytes) => new ArrayBuffer(lengthBytes);
