import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Pulse } from '../../src/capture/pulse.ts';

test('one timer looks at all, more often while something comes, until they are removed', async () => {
  const pulse = new Pulse();
  const looks = [0, 0];
  let comes = false;
  const first = () => {
    looks[0]++;
    return false;
  };
  const second = () => {
    looks[1]++;
    return comes;
  };
  pulse.add(first);
  pulse.add(second);
  await sleep(450);
  const quiet = looks[1];
  assert.is(looks[0], quiet);
  assert.ok(quiet > 0 && quiet <= 12, `${quiet} looks in 450 ms, one in 40`);
  comes = true;
  await sleep(450);
  const busy = looks[1] - quiet;
  assert.ok(busy <= 24, `${busy} looks in 450 ms, one in 20`);
  pulse.remove(first);
  pulse.remove(first);
  await sleep(60);
  assert.ok(looks[1] > looks[0]);
  pulse.remove(second);
  const last = looks[1];
  await sleep(100);
  assert.is(looks[1], last);
});

test('who is looked at may take itself and others away, and come back', async () => {
  const pulse = new Pulse();
  const seen: string[] = [];
  const other = () => {
    seen.push('other');
    return false;
  };
  const self = () => {
    seen.push('self');
    pulse.remove(self);
    pulse.remove(other);
    pulse.add(other);
    return true;
  };
  pulse.add(self);
  pulse.add(other);
  while (seen.filter((name) => name === 'other').length < 3) await sleep(10);
  pulse.remove(other);
  assert.is(seen.filter((name) => name === 'self').length, 1);
});

test.run();
