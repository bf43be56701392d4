import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nearestWord } from '../../src/config/edit-distance.ts';

const WORDS = ['FOLLOW_PORT', 'MAX_LOG_MB', 'USE_EBPF'];

test('a slip of the pen finds its word: left out, doubled, wrong, swapped, small letters', () => {
  for (const text of ['FOLOW_PORT', 'FOLLLOW_PORT', 'FOLLOW-PORT', 'FOLLOW_PROT', 'follow_port']) {
    assert.is(nearestWord(text, WORDS), 'FOLLOW_PORT', text);
  }
});

test('what is near nothing has no word', () => {
  for (const text of ['PATH', 'HOME', 'USE']) assert.is(nearestWord(text, WORDS), null, text);
});

test.run();
