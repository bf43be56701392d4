import { makeScenario } from '../golden/make-scenario.ts';
import { SCENARIOS } from '../golden/scenarios.ts';
import { type Exchange, withIpId } from './captured.ts';
import { framesOf } from './pcap-frames.ts';

/** Golden scenarios in which nothing is wrong. */
const GOOD = new Set(['orderly', 'byte-counts']);

/** The captures of the golden replays. */
export async function goldenExchanges(): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  for (const scenario of SCENARIOS) {
    const frames = await framesOf(makeScenario(scenario));
    const numbered = frames.map((frame, i) => withIpId(frame, i + 1));
    exchanges.push({ name: `golden ${scenario.name}`, isGood: GOOD.has(scenario.name), frames: numbered });
  }
  return exchanges;
}
