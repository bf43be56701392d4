import { setImmediate as nextTurn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inNetworkNamespace } from '../../src/native/libc.ts';
import { LinkWatch } from '../../src/native/link-watch.ts';
import { Lab } from '../lab/lab.ts';
import { Namespace } from '../lab/namespace.ts';
import { run } from '../lab/program.ts';
import { waitFor } from '../lab/wait.ts';

const test = suite('native/link-watch');

/** Runs `ip` in a namespace. */
const ip = (namespace: Namespace, ...argv: string[]) => run(['ip', '-n', namespace.name, ...argv]);

test('interfaces that appear are told, also those that come from elsewhere; nothing else is', async () => {
  await Lab.use(async (lab) => {
    let appeared = 0;
    const { node } = lab;
    const elsewhere = new Namespace('elsewhere');
    const watch = new LinkWatch(() => appeared++);
    inNetworkNamespace(`/run/netns/${node.name}`, () => watch.start());
    const told = async (what: string) => {
      await waitFor(what, () => appeared > 0);
      appeared = 0;
    };
    // The kernel has its messages out before `ip` ends: one look at the descriptor is enough.
    const looked = async () => {
      for (let turns = 0; turns < 3; turns++) await nextTurn();
      return appeared;
    };
    try {
      ip(node, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other');
      await told('one that is made');
      ip(node, 'link', 'set', 'one', 'up');
      ip(node, 'link', 'set', 'one', 'mtu', '1400');
      ip(node, 'link', 'set', 'one', 'name', 'uno');
      ip(node, 'link', 'delete', 'uno');
      ip(elsewhere, 'link', 'add', 'two', 'type', 'veth', 'peer', 'name', 'other');
      assert.is(await looked(), 0);
      ip(elsewhere, 'link', 'set', 'two', 'netns', node.name);
      await told('one that is moved here');
    } finally {
      watch.close();
      elsewhere.remove();
    }
  });
});

test.run();
