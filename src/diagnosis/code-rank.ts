import type { EventCode } from '../model/event-code.ts';

/** Codes by how much they tell of the reason why a connection failed, least first. */
const RANK: readonly EventCode[] = [
  '00007',
  '00001',
  '00016',
  '00017',
  '00020',
  '00018',
  '00022',
  '00008',
  '00002',
  '00006',
  '00012',
  '00013',
  '00021',
  '00005',
  '00009',
  '00004',
  '00015',
  '00014',
  '00023',
];

/** Returns how much a code tells of the reason: the more, the higher. */
export function rankOfCode(code: EventCode): number {
  return RANK.indexOf(code);
}
