import type { TrackedConnection } from '../track/tracked-connection.ts';

/** Why what is said of a connection is in doubt; `undefined` when nothing speaks against it. */
export function doubt(connection: TrackedConnection): string | undefined {
  const reasons: string[] = [];
  if (connection.lossMeanwhile)
    reasons.push('packets were lost by the capture meanwhile, or not looked at for overload');
  if (connection.hasGap) reasons.push('bytes went by that the capture did not see');
  if (connection.oneWay) reasons.push('packets of one direction only were seen');
  if (connection.midstream) reasons.push('the connection began before the capture');
  return reasons.length === 0 ? undefined : reasons.join('; ');
}

/** Joins reasons for doubt; undefined when there are none. */
export function joinDoubts(...doubts: readonly (string | undefined)[]): string | undefined {
  const said = doubts.filter((doubt) => doubt !== undefined && doubt !== '');
  return said.length === 0 ? undefined : said.join('; ');
}
