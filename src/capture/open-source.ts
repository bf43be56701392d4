import { openCapSource } from './cap-source.ts';
import { openRingSource, type RingOptions } from './open-ring-source.ts';
import type { LiveSource } from './packet-source.ts';

/** Which way frames are captured, as in `CAPTURE_BACKEND`. */
export type Backend = 'ring' | 'cap' | 'auto';

/** A live source, and what people should know of it. */
export interface OpenedSource {
  readonly source: LiveSource;
  /** Why it is not the packet ring; null when it is, or when `cap` was asked for. */
  readonly note: string | null;
}

/**
 * Starts a live capture: `ring` and `cap` are taken at their word; `auto` takes the packet ring, and `cap` where the
 * ring cannot be had. Throws the backend's error; for `auto` the ring's, with what `cap` said as its cause.
 */
export function openSource(backend: Backend, options: RingOptions): OpenedSource {
  if (backend === 'cap') return openCap(options, null);
  try {
    return openRing(options);
  } catch (error) {
    if (backend === 'ring' || !(error instanceof Error)) throw error;
    return openCapInstead(options, error);
  }
}

function openRing(options: RingOptions): OpenedSource {
  return { source: openRingSource(options), note: null };
}

function openCap(options: RingOptions, note: string | null): OpenedSource {
  return { source: openCapSource(options), note };
}

function openCapInstead(options: RingOptions, ringError: Error): OpenedSource {
  try {
    return openCap(options, `The packet ring cannot be used (${ringError.message}); capturing with cap instead`);
  } catch (capError) {
    throw new Error(ringError.message, { cause: capError });
  }
}
