import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LiveSettings } from '../../src/model/live-settings.ts';

const SETTINGS = { port: 1, names: ['a', 'b'], filter: 'tcp' };

test('who reads the current settings sees the change, in the same object', () => {
  const live = new LiveSettings(SETTINGS);
  const { current } = live;
  assert.equal([...live.change({ ...SETTINGS, port: 2 })], ['port']);
  assert.is(current.port, 2);
  assert.is(SETTINGS.port, 1);
});

test('who asked for a setting is told once all have their new values, others are not', () => {
  const live = new LiveSettings(SETTINGS);
  const told: unknown[] = [];
  live.onChange(['port', 'names'], () => told.push(['port or names', { ...live.current }]));
  live.onChange(['filter'], () => told.push('filter'));
  const next = { ...SETTINGS, port: 2, names: ['a', 'c'] };
  live.change(next);
  assert.equal(told, [['port or names', next]]);
});

test('a list with the same values has not changed', () => {
  const live = new LiveSettings(SETTINGS);
  live.onChange(['names'], () => assert.unreachable());
  assert.is(live.change({ ...SETTINGS, names: ['a', 'b'] }).size, 0);
});

test('what may fail is done ahead: one that cannot leaves all as it is', () => {
  const live = new LiveSettings(SETTINGS);
  const asked: string[] = [];
  live.beforeChange(['filter'], ({ filter }) => {
    asked.push(filter);
    return filter !== 'wrong';
  });
  assert.ok(live.prepare({ ...SETTINGS, port: 2 }));
  assert.equal(asked, []);
  assert.not(live.prepare({ ...SETTINGS, filter: 'wrong' }));
  assert.equal(live.current, SETTINGS);
  assert.ok(live.prepare({ ...SETTINGS, filter: 'udp' }));
  assert.equal(asked, ['wrong', 'udp']);
});

test.run();
