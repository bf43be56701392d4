import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzzCaptures } from './fuzz-captures.ts';
import { fuzzEnvFiles } from './fuzz-env-files.ts';

const CAPTURES = 600;
const ENV_FILES = 1_500;

test(`${CAPTURES} spoilt capture files`, async () => {
  const { files, refused, frames, connections, events, pcaps } = await fuzzCaptures(1, CAPTURES);
  assert.is(files, CAPTURES);
  assert.ok(refused < files / 2, `${refused} were refused`);
  assert.ok(frames > 20 * files && connections > files && events > files && pcaps > 50);
});

test(`${ENV_FILES} spoilt env files`, async () => {
  const { files, usable, problems } = await fuzzEnvFiles(1, ENV_FILES);
  assert.is(files, ENV_FILES);
  assert.ok(usable > files / 10 && problems > files / 2, `${usable} usable, ${problems} problems`);
});

test.run();
