import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EndType } from '../../src/model/connection.ts';
import type { EventName } from '../../src/model/event-code.ts';
import { PageFeed } from '../../src/session/page-feed.ts';

const test = suite('what is kept for live pages');

const T0_US = 1_700_000_000e6;

test('of events that come by the thousand a part is kept, and others are none the worse for it', () => {
  const feed = new PageFeed();
  const admit = (name: EventName, timeUs: number) => feed.admitsEvent({ name, timeUs });
  const flood = Array.from({ length: 20_000 }, (_, i) => admit('TCP_IS_TLS', T0_US + i * 100));
  const kept = flood.filter(Boolean).length;
  assert.ok(kept >= 1000 && kept <= 1041, `${kept} in two seconds`);
  assert.ok(admit('TCP_RESET', T0_US + 2e6));
  assert.is(feed.leftOut.events, 20_000 - kept);
  assert.ok(admit('TCP_IS_TLS', T0_US + 3e6), 'a second later there is room again');
});

test('connections that ended are kept while somebody looks, each way to end by itself', () => {
  const feed = new PageFeed();
  const admit = (endType: EndType, endUs = T0_US) => feed.admitsEnd({ endType, endUs });
  assert.not(admit(EndType.fin));
  assert.is(feed.leftOut.ends, 0, 'who is not looked at leaves nothing out');
  const unwatch = feed.watch();
  const kept = Array.from({ length: 5000 }, () => admit(EndType.fin)).filter(Boolean).length;
  assert.is(kept, 2000);
  assert.is(feed.leftOut.ends, 3000);
  assert.ok(admit(EndType.reset));
  const later = Array.from({ length: 4000 }, (_, i) => admit(EndType.fin, T0_US + i * 1000)).filter(Boolean).length;
  assert.ok(later >= 35 && later <= 40, `${later} in four seconds`);
  unwatch();
  assert.not(admit(EndType.reset));
});

test.run();
