import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TextMatcher } from '../../../src/protocols/http/text-matcher.ts';
import { seededBelow } from '../../tools/random.ts';

const test = suite('protocols/http/text-matcher');

function found(matcher: TextMatcher, text: string): number {
  matcher.state = TextMatcher.START;
  matcher.found = 0;
  const bytes = Buffer.from(text, 'latin1');
  matcher.scan(bytes, 0, bytes.length);
  const whole = matcher.found;
  matcher.state = TextMatcher.START;
  matcher.found = 0;
  for (let i = 0; i < bytes.length; i++) matcher.scan(bytes, i, i + 1);
  assert.is(matcher.found, whole, 'in pieces as in one');
  matcher.state = TextMatcher.START;
  matcher.found = 0;
  matcher.scanText(text);
  assert.is(matcher.found, whole, 'a string as its bytes');
  return whole;
}

test('two texts, in either case, overlapping', () => {
  const matcher = new TextMatcher('abAbC', 'BAB');
  assert.is(found(matcher, 'xxABABABCxx'), 3);
  assert.is(found(matcher, 'aba'), 0);
  assert.is(found(matcher, 'abab'), 2);
  assert.is(found(new TextMatcher('a', 'xay'), 'XaY'), 3);
  assert.is(found(new TextMatcher('same', 'SAME'), 'Same'), 3);
});

test('an empty text is never found', () => {
  assert.ok(new TextMatcher('', '').isEmpty);
  assert.is(found(new TextMatcher('', ''), 'anything'), 0);
  assert.is(found(new TextMatcher('', 'any'), 'anything'), 2);
});

test('only ASCII letters have two cases', () => {
  assert.is(found(new TextMatcher('[a]@`', ''), '{A}`@'), 0);
  const utf8 = (text: string) => Buffer.from(text).toString('latin1');
  assert.is(found(new TextMatcher('ñ', ''), utf8('año')), 1);
  assert.is(found(new TextMatcher('ñ', ''), utf8('AÑO')), 0);
});

test('scanLine stops behind a line feed', () => {
  const matcher = new TextMatcher('b', '');
  const bytes = Buffer.from('a\nb\n');
  matcher.state = TextMatcher.START;
  matcher.found = 0;
  assert.is(matcher.scanLine(bytes, 0, 4), 2);
  assert.is(matcher.found, 0);
  assert.is(matcher.scanLine(bytes, 2, 3), 3);
  assert.is(matcher.found, 1);
});

test('seeded: as a plain search says', () => {
  const random = seededBelow(5);
  const word = (length: number) => Array.from({ length }, () => 'aAbB-'[random(5)]).join('');
  for (let i = 0; i < 20_000; i++) {
    const [search, avoid, text] = [word(1 + random(5)), word(random(5)), word(random(30))];
    const has = (part: string) => part !== '' && text.toLowerCase().includes(part.toLowerCase());
    assert.is(found(new TextMatcher(search, avoid), text), (has(search) ? 1 : 0) | (has(avoid) ? 2 : 0));
  }
});

test.run();
