import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HttpSearch } from '../../../src/protocols/http/http-search.ts';
import { looksLikeHttp } from '../../../src/protocols/http/request-line.ts';
import { seededBelow } from '../../tools/random.ts';
import { AVOID, run, SEARCH, type Step } from './harness.ts';
import { HTTP1_DIALOGUES } from './http1-dialogues.ts';
import { HTTP2_DIALOGUES } from './http2-dialogues.ts';

const test = suite('protocols/http/fuzz');
const DIALOGUES = [...HTTP1_DIALOGUES, ...HTTP2_DIALOGUES];
const CASES = 20_000;

type Random = (below: number) => number;

/** Changes some bytes, takes some out, puts some in, among them what a parser trips over. */
function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let result = Buffer.from(bytes);
  for (let i = random(4); i > 0; i--) {
    const at = random(result.length + 1);
    const length = random(8);
    const piece = [
      () => Buffer.from(Array.from({ length }, () => random(256))),
      () =>
        Buffer.from(['\r\n', '\r\n\r\n', ' ', ':', 'X-Pepe', 'kube-probe/', ' HTTP/1.1\r\n', '0\r\n'][length] ?? ''),
      () => Buffer.from('ffffff7f8000be7f40003f'.slice(0, 2 * length), 'hex'),
      () => result.subarray(0, at),
      () => Buffer.alloc(0),
    ][random(5)]?.();
    result = Buffer.concat([result.subarray(0, at), piece ?? Buffer.alloc(0), result.subarray(at + random(4))]);
  }
  return result;
}

function mutateSteps(steps: readonly Step[], random: Random): Step[] {
  const result: Step[] = [];
  for (const step of steps) {
    if (random(12) === 0) result.push({ from: step.from, gapBytes: 1 + random(50) });
    if (random(20) === 0) continue;
    const bytes = mutate(step.bytes ?? new Uint8Array(0), random);
    for (let at = 0; at < bytes.length; ) {
      const length = random(3) === 0 ? 1 + random(9) : bytes.length;
      result.push({ from: step.from, bytes: bytes.subarray(at, at + length) });
      at += length;
    }
  }
  return result;
}

test(`${CASES} mutated dialogues: no exception, no memory lost, nothing said behind the end`, () => {
  const random = seededBelow(20_231_101);
  const search = new HttpSearch(SEARCH, AVOID);
  let ended = 0;
  let matched = 0;
  for (let i = 0; i < CASES; i++) {
    const first = DIALOGUES[random(DIALOGUES.length)];
    const second = DIALOGUES[random(DIALOGUES.length)];
    const steps = mutateSteps([...(first?.steps ?? []), ...(random(2) === 0 ? (second?.steps ?? []) : [])], random);
    const log = run(steps, { midstream: random(4) === 0, search });
    const end = log.findIndex((line) => line === 'not http' || line.startsWith('done'));
    if (end >= 0) {
      ended++;
      assert.is(end, log.length - 1);
    }
    if (log.some((line) => line.startsWith('search'))) matched++;
    assert.ok(log.filter((line) => line.startsWith('http/')).length <= 1);
  }
  assert.ok(ended > CASES / 10 && ended < CASES);
  assert.ok(matched > CASES / 10 && matched < CASES);
});

test('random bytes', () => {
  const random = seededBelow(7);
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: 1 + random(60) }, () => random(random(2) === 0 ? 256 : 16));
    run([{ from: 'client', bytes }], { midstream: random(2) === 0 });
    looksLikeHttp(bytes, random(bytes.length), bytes.length);
  }
});

test.run();
