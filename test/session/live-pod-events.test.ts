import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PodEvents } from '../../src/cluster/pod-events.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { LiveSettings } from '../../src/model/live-settings.ts';
import { LivePodEvents } from '../../src/session/live-pod-events.ts';

const EVENT = {} as NetworkEvent;

function opener() {
  const opened: { reported: number; isClosed: boolean }[] = [];
  const open = () => {
    const state = { reported: 0, isClosed: false };
    opened.push(state);
    return {
      dropped: 3,
      report: () => {
        state.reported++;
      },
      close: async () => {
        state.isClosed = true;
      },
    } as unknown as PodEvents;
  };
  return { opened, open };
}

test('events go to the cluster while the setting says so', async () => {
  const { opened, open } = opener();
  const settings = new LiveSettings({ kubernetesEvents: false });
  const events = new LivePodEvents(settings, open);
  events.start();
  events.report(EVENT);
  assert.is(opened.length, 0);
  assert.is(events.dropped, 0);
  settings.change({ kubernetesEvents: true });
  events.report(EVENT);
  assert.equal(opened, [{ reported: 1, isClosed: false }]);
  assert.is(events.dropped, 3);
  settings.change({ kubernetesEvents: false });
  events.report(EVENT);
  assert.equal(opened, [{ reported: 1, isClosed: true }]);
  await events.close();
  settings.change({ kubernetesEvents: true });
  assert.is(opened.length, 1, 'what is closed opens nothing');
});

test.run();
