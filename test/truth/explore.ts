/**
 * Tells what is said of exchanges that are perturbed, for people:
 *
 *     node build/test/truth/explore.js [--share 1] [--mixtures 0] [--seed 1] [--only TEXT] [CAPTURE…]
 *     node build/test/truth/explore.js --untouched [--only TEXT] [CAPTURE…]
 *     node build/test/truth/explore.js --only TEXT --how 'drop 5' [CAPTURE…]
 *
 * TEXT selects exchanges by their name; capture files stand in for the exchanges of the tests.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { formatEvent } from '../../src/output/event-file.ts';
import { type Captured, factsOf } from './captured.ts';
import { framesOf } from './pcap-frames.ts';
import { perturb } from './perturbations.ts';
import { replayFrames } from './replayed.ts';
import { allExchanges, runTruth, violationKinds } from './run-truth.ts';
import { REST_SECONDS } from './truth.ts';

const { values, positionals } = parseArgs({
  options: {
    share: { type: 'string', default: '1' },
    mixtures: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    how: { type: 'string' },
    untouched: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

function show(frames: readonly Captured[]): void {
  const first = frames[0]?.timeUs ?? 0;
  const sources = [...new Set(frames.map((frame) => factsOf(frame).source))];
  frames.forEach((frame, i) => {
    const { source, flags, payloadBytes, ipVersion, tcpAt } = factsOf(frame);
    const letters = ['F', 'S', 'R', 'P', 'A'].filter((_, bit) => (flags & (1 << bit)) !== 0).join('');
    const view = Buffer.from(frame.bytes);
    const numbers = ipVersion === 0 ? '' : `${view.readUInt32BE(tcpAt + 4)}:${view.readUInt32BE(tcpAt + 8)}`;
    const at = ((frame.timeUs - first) / 1e6).toFixed(6);
    console.log(`${i}  ${at}  ${sources.indexOf(source)}  ${letters} ${numbers} +${payloadBytes}`);
  });
}

function tell(frames: readonly Captured[]): void {
  for (const restSeconds of REST_SECONDS) {
    console.log(`  rest ${restSeconds} s`);
    const { events, flows, findings } = replayFrames(frames, restSeconds);
    for (const event of events)
      console.log(`    ${formatEvent(event, { interfaceName: '', podName: '', podNamespace: '' })}`);
    for (const flow of flows) console.log(`    ${JSON.stringify(flow)}`);
    for (const { causeId, severity, where } of findings) console.log(`    finding ${severity} ${causeId} ${where}`);
  }
}

const captures = await Promise.all(
  positionals.map(async (path) => ({ name: basename(path), isGood: false, frames: await framesOf(path) })),
);
const all = captures.length > 0 ? captures : await allExchanges();
const chosen = all.filter(({ name }) => name.includes(values.only));
const { how } = values;
if (how !== undefined) {
  for (const { name, frames } of chosen) {
    console.log(`${name}, untouched`);
    show(frames);
    tell(frames);
    const perturbed = perturb(frames, how);
    console.log(`${name}, ${how}`);
    show(perturbed);
    tell(perturbed);
  }
} else if (values.untouched) {
  for (const { name, isGood, frames } of chosen) {
    for (const restSeconds of REST_SECONDS) {
      const { claims, flows, findings } = replayFrames(frames, restSeconds);
      const said = claims.map(({ text, isCertain }) => `${isCertain ? '' : '? '}${text.replace(/ \S+$/, '')}`);
      const ends = flows.map(({ endType, failure, isCertain }) => `${endType}${failure}${isCertain ? '' : '?'}`);
      const found = findings.map(({ severity, causeId }) => `${severity} ${causeId}`);
      console.log(
        `${isGood ? 'good' : 'bad '} ${name} [${frames.length}] rest ${restSeconds}: ${said.join(', ')} | ${ends} | ${found}`,
      );
    }
  }
} else {
  const begin = performance.now();
  const options = { seed: Number(values.seed), share: Number(values.share), mixtures: Number(values.mixtures) };
  const { replays, violations, doubtful, excused } = runTruth(chosen, options);
  const seconds = (performance.now() - begin) / 1_000;
  for (const [kind, { count, examples }] of violationKinds(violations)) {
    console.log(`${count}  ${kind}`);
    for (const example of examples) console.log(`      ${example}`);
  }
  console.log('doubtful:');
  for (const [kind, { count, example }] of [...doubtful].sort((a, b) => b[1].count - a[1].count)) {
    console.log(`${count}  ${kind}\n      ${example}`);
  }
  console.log('excused:', Object.fromEntries(excused));
  console.log(`${replays} replays in ${seconds.toFixed(1)} s, ${violations.length} violations`);
}
