import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { count, fact, shownPath, spanText, timeOf } from '../../src/report/layout.ts';
import { PLAIN } from '../../src/report/style.ts';

const LAYOUT = { width: 30, style: PLAIN, directory: '/logs' };

test('a fact has its label once, and its text beside it', () => {
  assert.equal(fact('try', 'one two three four', LAYOUT), ['    try       one two three', '              four']);
  assert.equal(fact('try', '- one two three four', LAYOUT), ['    try       - one two', '                three four']);
});

test('paths below the directory are short', () => {
  assert.is(shownPath('/logs/dllt3', 'a.pcap', LAYOUT), 'dllt3/a.pcap');
  assert.is(shownPath('/logs/dllt3', '', LAYOUT), 'dllt3');
  assert.is(shownPath('/other/dllt3', 'a.pcap', LAYOUT), '/other/dllt3/a.pcap');
  assert.is(shownPath('/logs', '', LAYOUT), '/logs');
});

test('numbers and times for people', () => {
  assert.is(timeOf('2023-11-14T13:36:34.000Z'), '13:36:34');
  assert.equal([count(1, 'event'), count(2, 'event')], ['1 event', '2 events']);
  assert.equal([119, 120, 7_199, 7_200, 172_799, 172_800].map(spanText), [
    '119 s',
    '2 min',
    '119 min',
    '2 h',
    '47 h',
    '2 days',
  ]);
});

test.run();
