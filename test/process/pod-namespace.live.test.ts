import { readlinkSync, statSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Lab } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';

const LOOK = new URL('./look-for-namespace.js', import.meta.url).pathname;

/** What `resolvePodNamespace` says to a process of a namespace. */
async function seenFrom(lab: Lab, where: Lab['node'], interfaceIndex: number, podUid = '') {
  const output = await lab.start(where, [process.execPath, LOOK, String(interfaceIndex), podUid]).output();
  return JSON.parse(output) as { found: { path: string; inode: number; interfaceIndex: number } | null; own: number };
}

const inodeOf = (program: Program) => Number(readlinkSync(`/proc/${program.pid}/ns/net`).replace(/\D/g, ''));

/** A program that rests in a namespace, and is there already. */
async function dweller(lab: Lab, where: Lab['node']): Promise<Program> {
  const program = lab.start(where, ['sleep', 'infinity']);
  await program.waitUntilInPlace();
  return program;
}

test("a pod is found from the node's end of its pair", async () => {
  await Lab.use(async (lab) => {
    const [first, second, empty] = [lab.pod(), lab.pod(), lab.pod()];
    const programs = [await dweller(lab, first.namespace), await dweller(lab, second.namespace)];
    for (const [i, pod] of [first, second].entries()) {
      const { found } = await seenFrom(lab, lab.node, pod.hostIndex);
      assert.is(found?.inode, inodeOf(programs[i] as Program));
      assert.is(found?.interfaceIndex, pod.namespace.indexOf('eth0'));
      assert.is(readlinkSync(found?.path ?? ''), `net:[${found?.inode}]`);
    }
    const { found } = await seenFrom(lab, lab.node, empty.hostIndex);
    assert.is(found?.path, `/run/netns/${empty.namespace.name}`, 'nobody lives there');
    assert.is(found?.inode, statSync(found?.path ?? '').ino);
    assert.is((await seenFrom(lab, lab.node, 99_999)).found, null, 'no such interface');
  });
});

test('what is no end of a pair to a pod is the own namespace', async () => {
  await Lab.use(async (lab) => {
    lab.node.run('ip', 'link', 'add', 'here0', 'type', 'veth', 'peer', 'name', 'here1');
    for (const link of ['lo', 'here0']) {
      const index = lab.node.indexOf(link);
      const { found, own } = await seenFrom(lab, lab.node, index);
      assert.equal(found, { path: '/proc/self/ns/net', inode: own, interfaceIndex: index }, link);
    }
  });
});

test('from inside the pod its own end leads to itself when the machine is at the other', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.namespace('pod');
    // the other end in the namespace of process 1, as on a node
    const link = `vx${process.pid.toString(16)}`;
    pod.run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', link, 'netns', '1');
    const index = pod.indexOf('eth0');
    const { found, own } = await seenFrom(lab, pod, index);
    assert.equal(found, { path: '/proc/self/ns/net', inode: own, interfaceIndex: index });
  });
});

test.run();
