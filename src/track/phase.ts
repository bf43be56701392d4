import { PHASE_CLOSED, PHASE_ESTABLISHED, PHASE_LET_GO, PHASE_SYN_ACKED, PHASE_SYN_SENT } from './record.ts';

/**
 * Where a connection is. `letGo` is one that was given up as stale: it has ended for everybody, but may still be there.
 */
export const Phase = {
  synSent: PHASE_SYN_SENT,
  synAcked: PHASE_SYN_ACKED,
  established: PHASE_ESTABLISHED,
  closed: PHASE_CLOSED,
  letGo: PHASE_LET_GO,
} as const;

export type Phase = (typeof Phase)[keyof typeof Phase];
