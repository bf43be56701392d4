import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';

const test = suite('Two agents with one LOG_DIR');

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`the second one waits until the first has ended by ${signal}`, async () => {
    await Lab.use(async (lab) => {
      const pod = lab.pod();
      const env = { LOG_DIR: mkdtempSync(join(lab.directory, 'logs-')) };
      const first = await AgentRun.watch(lab, pod, {}, env);
      const second = AgentRun.start(lab, lab.node, env);
      second.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex });
      await second.program.waitForOutput(/Cannot write into \S+: another agent does; end it, or set LOG_DIR/);
      await first.stop(signal);
      await second.capturing(pod.hostIndex);
      await second.stop();
    });
  });
}

test.run();
