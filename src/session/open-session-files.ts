import { networkInterfaces } from 'node:os';
import type { OpenedSource } from '../capture/open-source.ts';
import type { LiveSource } from '../capture/packet-source.ts';
import type { Settings } from '../config/settings.ts';
import { interfaceName } from '../native/libc.ts';
import { parseNetworks } from '../output/internet.ts';
import { removeUnfinishedDumps } from '../output/pcap-file.ts';
import { prepareSessionDirectory } from '../output/session-directory.ts';
import type { CapturePlace } from './capture-place.ts';
import { claimDirectory } from './claim-directory.ts';
import { SessionFiles } from './session-files.ts';

/**
 * Opens the files of a live session in `dllt<index>` of `logDirectory`, clears what an earlier run left half written,
 * and logs how the session begins. Rejects with one line that says what to do; with `DirectoryInUseError` when another
 * agent writes there.
 */
export async function openSessionFiles(
  { source, note }: OpenedSource,
  place: CapturePlace,
  settings: Settings,
  logDirectory: string,
  warnings: readonly string[],
  print: (line: string) => void,
): Promise<SessionFiles> {
  const directory = await prepareSessionDirectory(logDirectory, place.hostIndex);
  const claim = claimDirectory(directory.path);
  await removeUnfinishedDumps(directory.path);
  const name = nameOf(place, source);
  const clock = () => Date.now();
  const files = new SessionFiles({
    directory: directory.path,
    settings,
    interfaceName: name,
    ownNetworks: parseNetworks([...settings.podAddresses, ...networksOf(name)]),
    print,
    captureTotals: () => {
      const { frames, kernelDrops, agentDrops } = source.counters();
      return kernelDrops < 0 ? null : { received: frames, dropped: kernelDrops + agentDrops };
    },
    clock,
    onClosed: claim.release,
  });
  files.start(clock() * 1000);
  await files.watchSpace();
  files.log.info(`session started: ${source.description}`, { directory: directory.path, ifindex: place.hostIndex });
  if (note !== null) files.log.warn(note);
  for (const warning of directory.warnings) files.log.warn(warning);
  if (claim.warning !== null) files.log.warn(claim.warning);
  for (const warning of warnings) files.log.note(warning);
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
