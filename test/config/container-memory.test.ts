import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { containerMemoryBytes } from '../../src/config/container-memory.ts';

const test = suite('config/container-memory');

/** Lines of /proc/self/mountinfo as on real machines. */
const V2_MOUNT = '31 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate';
const V1_MOUNT = '40 32 0:36 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory';
const V1_CPU_MOUNT = '37 32 0:33 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu';
const NO_LIMIT = '9223372036854771712\n';

function limit(files: Readonly<Record<string, string>>): number | null {
  return containerMemoryBytes((path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`ENOENT ${path}`);
    return text;
  });
}

test('version 2 in a container: its own group is the root of what it sees', () => {
  const files = { '/proc/self/mountinfo': V2_MOUNT, '/proc/self/cgroup': '0::/\n' };
  assert.is(limit({ ...files, '/sys/fs/cgroup/memory.max': '536870912\n' }), 536_870_912);
  assert.is(limit({ ...files, '/sys/fs/cgroup/memory.max': 'max\n' }), null);
  assert.is(limit(files), null);
});

test('version 2: the smallest limit of the group and those above it', () => {
  const files = {
    '/proc/self/mountinfo': V2_MOUNT,
    '/proc/self/cgroup': '0::/kubepods/pod1/agent\n',
    '/sys/fs/cgroup/kubepods/pod1/agent/memory.max': 'max\n',
    '/sys/fs/cgroup/kubepods/pod1/memory.max': '400000000\n',
    '/sys/fs/cgroup/kubepods/memory.max': '8000000000\n',
  };
  assert.is(limit(files), 400_000_000);
});

test('version 1: by its hierarchy of memory, whatever others say', () => {
  const files = {
    '/proc/self/mountinfo': `${V1_CPU_MOUNT}\n${V1_MOUNT}\n`,
    '/proc/self/cgroup': '4:memory:/a/b\n1:cpu:/c\n0::/\n',
    '/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes': NO_LIMIT,
    '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': '2147483648\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': NO_LIMIT,
  };
  assert.is(limit(files), 2_147_483_648);
});

test('version 1 in a container: the mount begins at its own group', () => {
  const files = {
    '/proc/self/mountinfo': '40 32 0:36 /kubepods/pod1/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
    '/proc/self/cgroup': '4:memory:/kubepods/pod1/x\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1073741824\n',
  };
  assert.is(limit(files), 1_073_741_824);
});

test('the path of another namespace leads nowhere: what stands at the mount point counts', () => {
  const files = {
    '/proc/self/mountinfo': '40 32 0:36 /other /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
    '/proc/self/cgroup': '4:memory:/../mine\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1073741824\n',
  };
  assert.is(limit(files), 1_073_741_824);
});

test('no control groups, no limit', () => {
  assert.is(limit({}), null);
});

test.run();
