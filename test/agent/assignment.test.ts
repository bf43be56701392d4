import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assignmentOf } from '../../src/agent/assignment.ts';

const read = (text: string) => assignmentOf({ kind: 'text', path: 'pod.env', text });

test('a file that cannot be read gives its reason and no settings', () => {
  const { settings, complaints } = assignmentOf({
    kind: 'unreadable',
    path: 'pod.env',
    reason: 'Cannot read',
  });
  assert.is(settings, null);
  assert.equal(complaints, [{ level: 'error', line: 'Cannot read' }]);
});

test('an index, or auto with a way to know the pod, is needed', () => {
  assert.is(read('INTERFACE_INDEX_SNIF=7').settings?.interfaceIndex, 7);
  assert.is(read('INTERFACE_INDEX_SNIF=auto\nPOD_NAME=a\nPOD_NAMESPACE=b').settings?.interfaceIndex, 'auto');
  for (const text of ['POD_NAME=a', 'INTERFACE_INDEX_SNIF=auto']) {
    const { settings, complaints } = read(text);
    assert.is(settings, null, text);
    assert.match(complaints.at(-1)?.line ?? '', 'Cannot use pod.env: INTERFACE_INDEX_SNIF');
  }
});

test.run();
