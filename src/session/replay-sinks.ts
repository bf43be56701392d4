import type { Settings } from '../config/settings.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { SettingsView } from '../model/live-settings.ts';
import { type EventOrigin, formatEvent } from '../output/event-file.ts';
import { parseNetworks } from '../output/internet.ts';
import type { ReplayClock, ReplaySink } from './replay.ts';
import { SessionFiles } from './session-files.ts';

/** What stands for the interface in the files of a replay. */
const INTERFACE_NAME = 'replay';

/** The files of a session, straight in `directory`. To be closed in the end. */
export function replayFiles(directory: string, settings: SettingsView<Settings>, clock: ReplayClock): SessionFiles {
  const ownNetworks = parseNetworks(settings.current.podAddresses);
  return new SessionFiles({
    directory,
    settings,
    interfaceName: INTERFACE_NAME,
    ownNetworks,
    clock: () => clock.nowUs() / 1000,
  });
}

/** Events as lines of JSON, given to `write`; connections are not listed. */
export function replayEvents(settings: Settings, write: (line: string) => Promise<void>): ReplaySink {
  const origin: EventOrigin = {
    interfaceName: INTERFACE_NAME,
    podName: settings.podName,
    podNamespace: settings.podNamespace,
  };
  let lines = '';
  return {
    start() {},
    connectionBegan() {},
    connectionEnded() {},
    occurred() {},
    queryOccurred() {},
    queryAnswered() {},
    questionEnded() {},
    event(event: NetworkEvent) {
      lines += `${formatEvent(event, origin)}\n`;
    },
    note() {},
    async drain() {
      if (lines === '') return;
      const waiting = lines;
      lines = '';
      await write(waiting);
    },
  };
}
