import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const EVERY_INTERFACE = 0;

/** Process ids of a process and all its descendants. */
export function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(processTree)];
}

/**
 * Whether a process or one of its children captures on an interface: whether it owns a packet socket that is running
 * and bound to it, or to all of them behind a filter, as the agent's `cap` source does (`/proc/net/packet`). From that
 * moment on nothing is missed, whatever the program prints.
 */
export function capturesOn(pid: number, interfaceIndex: number): boolean {
  try {
    const bound = readFileSync(`/proc/${pid}/net/packet`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/)) // sk RefCnt Type Proto Iface R Rmem User Inode
      .filter((fields) => [interfaceIndex, EVERY_INTERFACE].includes(Number(fields[4])) && fields[5] === '1')
      .map((fields) => `socket:[${fields[8]}]`);
    return bound.length > 0 && processTree(pid).some((member) => ownsOneOf(member, bound));
  } catch {
    return false; // it, or one of its children, has ended meanwhile
  }
}

function ownsOneOf(pid: number, sockets: readonly string[]): boolean {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).some((fd) => {
    try {
      return sockets.includes(readlinkSync(`${directory}/${fd}`));
    } catch {
      return false; // closed meanwhile
    }
  });
}
