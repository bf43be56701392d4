import { networkInterfaces } from 'node:os';
import type { OpenedSource } from '../capture/open-source.ts';
import type { LiveSource } from '../capture/packet-source.ts';
import type { Settings } from '../config/settings.ts';
import type { SettingsView } from '../model/live-settings.ts';
import type { MemoryRoom } from '../model/memory-room.ts';
import { interfaceName } from '../native/libc.ts';
import { parseNetworks } from '../output/internet.ts';
import { removeUnfinishedDumps } from '../output/pcap-file.ts';
import { prepareSessionDirectory } from '../output/session-directory.ts';
import type { CapturePlace } from './capture-place.ts';
import { claimDirectory } from './claim-directory.ts';
import { SessionFiles } from './session-files.ts';

/** Whose files they are, and where. */
export interface OpenFilesOptions {
  readonly opened: OpenedSource;
  readonly place: CapturePlace;
  readonly settings: SettingsView<Settings>;
  /** Where each session has its directory. */
  readonly logDirectory: string;
  /** What people should know of the settings; it goes to the log. */
  readonly warnings: readonly string[];
  /** Console lines for people. */
  readonly print: (line: string) => void;
  /** For lines and pcaps that wait for the disk. */
  readonly room: MemoryRoom;
}

/**
 * Opens the files of a live session in `dllt<index>` of `logDirectory`, clears what an earlier run left half written,
 * and logs how the session begins. Rejects with one line that says what to do; with `DirectoryInUseError` when another
 * agent writes there.
 */
export async function openSessionFiles(options: OpenFilesOptions): Promise<SessionFiles> {
  const { opened, place, settings, logDirectory, warnings, print, room } = options;
  const { source, note } = opened;
  const directory = await prepareSessionDirectory(logDirectory, place.hostIndex);
  const claim = claimDirectory(directory.path);
  try {
    await removeUnfinishedDumps(directory.path);
  } catch (error) {
    claim.release();
    throw error;
  }
  const name = nameOf(place, source);
  const clock = () => Date.now();
  const files = new SessionFiles({
    directory: directory.path,
    settings,
    interfaceName: name,
    ownNetworks: parseNetworks([...settings.current.podAddresses, ...networksOf(name)]),
    print,
    room,
    captureTotals: () => {
      const { frames, kernelDrops, agentDrops } = source.counters();
      return kernelDrops < 0 ? null : { received: frames, dropped: kernelDrops + agentDrops };
    },
    clock,
    onClosed: claim.release,
  });
  try {
    files.start(clock() * 1000);
    await files.watchSpace();
    files.log.info(`session started: ${source.description}`, { directory: directory.path, ifindex: place.hostIndex });
    if (note !== null) files.log.warn(note);
    for (const warning of directory.warnings) files.log.warn(warning);
    if (claim.warning !== null) files.log.warn(claim.warning);
    for (const warning of warnings) files.log.note(warning);
  } catch (error) {
    await files.close();
    throw error;
  }
  return files;
}

/** Name of the interface on the node; of the pod's own where there is no other. */
export function nameOf({ hostIndex }: CapturePlace, { interfaceName: captured }: LiveSource): string {
  return interfaceName(hostIndex) ?? captured;
}

/** The networks of an interface of this machine, in CIDR notation. */
function networksOf(interfaceName: string): string[] {
  const addresses = networkInterfaces()[interfaceName] ?? [];
  return addresses.flatMap(({ cidr }) => (cidr === null ? [] : [cidr.replace(/%[^/]*/, '')]));
}
