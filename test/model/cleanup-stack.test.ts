import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CleanupStack } from '../../src/model/cleanup-stack.ts';

test('what was opened last is closed first, once, whatever fails', async () => {
  const done: string[] = [];
  const stack = new CleanupStack();
  stack.defer(() => void done.push('first'));
  stack.defer(async () => {
    done.push('second');
    throw new Error('cannot close the second');
  });
  stack.defer(() => void done.push('third'));
  const messages = await Promise.all([stack.close(), stack.close()].map((closed) => closed.catch(String)));
  assert.equal(messages, ['Error: cannot close the second', 'Error: cannot close the second']);
  assert.equal(done, ['third', 'second', 'first']);
});

test.run();
