import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSource } from '../../src/capture/open-source.ts';
import type { CapturePlace } from '../../src/session/capture-place.ts';
import type { LiveSession } from '../../src/session/live-session.ts';
import { Lab } from '../capture/lab.ts';
import { type Holdings, holdings, sameHoldings } from '../tools/holdings.ts';
import { breakMethod, SessionRig } from './session-rig.ts';

interface Context {
  lab: Lab;
  rig: SessionRig;
  before: Holdings;
}

const test = suite<Context>('a live session and what it holds of the kernel');

test.before(async (context) => {
  context.lab = new Lab();
  context.rig = new SessionRig();
  for (const place of placesOf(context.lab)) await runOnce(sessionOn(context.rig, place));
  context.before = holdings();
});
test.after(({ lab, rig }) => {
  rig.close();
  lab.close();
});

/** The node's end of the pod's link, and the pod's own within its network namespace. */
function placesOf(lab: Lab): CapturePlace[] {
  const { hostIndex, namespacePath } = lab;
  return [
    { hostIndex, interfaceIndex: hostIndex, side: 'host' },
    { hostIndex, interfaceIndex: lab.podIndex(lab.podName), namespacePath, side: 'pod' },
  ];
}

function sessionOn(rig: SessionRig, place: CapturePlace, openers = {}): LiveSession {
  return rig.session({ options: { place }, openers: { source: openSource, ...openers } });
}

async function runOnce(session: LiveSession): Promise<void> {
  await session.start();
  const ended = session.run();
  session.stop('the test ends it');
  await ended;
}

test('the ring and the sockets that name processes go with their session', async ({ lab, rig, before }) => {
  for (const place of placesOf(lab)) {
    await runOnce(sessionOn(rig, place));
    await sameHoldings(before, `${place.side}, ended in order`);
  }
});

test('they go when the session cannot begin', async ({ lab, rig, before }) => {
  const pipeline = () => {
    throw new Error('broken: pipeline');
  };
  for (const place of placesOf(lab)) {
    const message = await sessionOn(rig, place, { pipeline })
      .start()
      .catch((error: Error) => error.message);
    assert.is(message, 'broken: pipeline');
    await sameHoldings(before, `${place.side}, not begun`);
  }
});

test('they go when the end fails', async ({ lab, rig, before }) => {
  for (const place of placesOf(lab)) {
    const source = (...options: Parameters<typeof openSource>) => {
      const opened = openSource(...options);
      breakMethod(opened.source, 'close');
      return opened;
    };
    const session = sessionOn(rig, place, { source });
    await session.start();
    const ended = session.run().catch((error: Error) => error.message);
    session.stop('the test ends it');
    assert.is(await ended, 'broken: close');
    await sameHoldings(before, `${place.side}, failed`);
  }
});

test('a session that is left, as its pod is gone', async ({ lab, rig, before }) => {
  for (const place of placesOf(lab)) {
    const session = sessionOn(rig, place);
    await session.start();
    const ended = session.run();
    session.leave();
    assert.is(await ended, 'gone');
    await sameHoldings(before, `${place.side}, left`);
  }
});

test.run();
