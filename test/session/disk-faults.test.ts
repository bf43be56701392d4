import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DiskFaults, type Losses } from '../../src/session/disk-faults.ts';

const test = suite('disk faults');

function makeFaults() {
  const told: string[] = [];
  let seconds = 0;
  let lostLines = 0;
  let withheldDumps = 0;
  const losses = (): Losses => ({ lostLines, lostDumps: 0, withheldLines: 0, withheldDumps });
  const say = (message: string, fields: Readonly<Record<string, unknown>>) =>
    told.push(`${seconds} ${message} ${fields['lostLines']} ${fields['withheldDumps']}`);
  const faults = new DiskFaults(() => seconds * 1000, losses, { error: say, info: say });
  return {
    faults,
    told,
    at(now: number): DiskFaults {
      seconds = now;
      return faults;
    },
    lose: () => lostLines++,
    withhold: () => withheldDumps++,
  };
}

test('a disk that fails every second: told at once, then once a minute with what was lost', () => {
  const { faults, told, at, lose } = makeFaults();
  for (let second = 0; second < 150; second++) {
    at(second).fault('no space');
    lose();
    if (second % 60 === 59) faults.advance();
  }
  assert.equal(told, ['0 no space 0 0', '60 no space 60 0', '120 no space 120 0']);
  assert.is(faults.lastFault, 'no space');
});

test('it is over when nothing failed for a while: told once', () => {
  const { told, at } = makeFaults();
  at(0).fault('broken');
  at(4).wrote();
  at(4.5).fault('broken');
  at(9).wrote();
  at(10).wrote();
  at(11).wrote();
  assert.equal(told, ['0 broken 0 0', '10 the files can be written again 0 0']);
});

test('a disk that fails and mends again and again does not fill the log', () => {
  const { told, at } = makeFaults();
  for (let second = 0; second < 100; second += 10) {
    at(second).fault('flapping');
    at(second + 9).wrote();
  }
  assert.equal(told, [
    '0 flapping 0 0',
    '9 the files can be written again 0 0',
    '60 flapping 0 0',
    '69 the files can be written again 0 0',
  ]);
});

test('losses without a fault are told once a minute, while there are more of them', () => {
  const { told, at, withhold, lose } = makeFaults();
  at(1).advance();
  withhold();
  at(2).advance();
  withhold();
  at(3).advance();
  at(61).advance();
  at(62).advance();
  at(121).advance();
  at(122).advance();
  lose();
  at(123).advance();
  at(200).advance();
  assert.equal(told, [
    '2 lines or pcaps are not written 0 1',
    '62 lines or pcaps are not written 0 2',
    '123 lines or pcaps are not written 1 2',
  ]);
});

test.run();
