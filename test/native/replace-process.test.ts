import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('replaceProcess');

const module = new URL('../../src/native/replace-process.js', import.meta.url).href;

/** Runs `replaceProcess` in a process of its own. */
function run(file: string, args: readonly string[]) {
  const script = `
    import { replaceProcess } from ${JSON.stringify(module)};
    console.log(process.pid);
    console.log(replaceProcess(${JSON.stringify(file)}, ${JSON.stringify(args)}).message);`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    input: 'input',
    env: { ...process.env, DLLT_TOLD: 'environment' },
  });
}

test('goes on as another program in the same process', () => {
  const { stdout, status } = run('/bin/sh', ['-c', 'echo $$ "$1" "$DLLT_TOLD" $(cat); exit 7', 'sh', 'an argument']);
  const [pid, line] = stdout.split('\n');
  assert.is(line, `${pid} an argument environment input`);
  assert.is(status, 7);
});

test('says why it could not', () => {
  assert.match(run('/nonexistent/node', []).stdout, /Cannot run \/nonexistent\/node: ENOENT/);
});

test.run();
