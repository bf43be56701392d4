import * as assert from 'uvu/assert';
import type { AgentRun } from '../lab/agent.ts';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import type { Program } from '../lab/program.ts';
import type { EndFlowLine, FlowLine } from '../lab/session-files.ts';

export const ACTORS = 'test/process/actors.py';
export const PORT = 7_001;

/** What `actors.py connect` prints. */
export interface Acted {
  readonly pid: number;
  readonly ports: readonly number[];
  readonly said: readonly number[];
}

/** Connections that are held until their program is stopped. */
export interface Held extends Acted {
  readonly program: Program;
}

/** Opens connections, and says what came of it. */
export const act = async (lab: Lab, where: Namespace, ...args: (string | number)[]): Promise<Acted> =>
  JSON.parse(await lab.start(where, ['python3', ACTORS, 'connect', ...args.map(String)]).output());

/** Opens connections, as many as `count`, that are held. */
export async function hold(
  lab: Lab,
  where: Namespace,
  kind: 'plain' | 'threaded',
  host: string,
  { port = PORT, count = 1, sourcePort = 0 } = {},
): Promise<Held> {
  const numbers = [port, count, 100, 'inf', sourcePort].map(String);
  const program = lab.start(where, ['python3', ACTORS, 'connect', kind, host, ...numbers]);
  const [line] = await program.waitForOutput(/^{.*}$/m);
  return { program, ...(JSON.parse(line) as Acted) };
}

/** Starts a server and waits until it listens. */
export async function serve(lab: Lab, where: Namespace, kind: string, host: string, port = PORT): Promise<Program> {
  const server = lab.start(where, ['python3', ACTORS, 'serve', kind, host, String(port)]);
  await server.waitForListener(port);
  return server;
}

export type Line = FlowLine | EndFlowLine;

/** The two lines of a connection, by its ports. */
export function linesOf(agent: AgentRun, interfaceIndex: number, port: number, serverPort = PORT): Line[] {
  const { flows, endFlows } = agent.files(interfaceIndex);
  const found: Line[] = [...flows, ...endFlows].filter(
    ({ srcPort, dstPort }) => srcPort === port && dstPort === serverPort,
  );
  assert.is(found.length, 2, `a line in flows and one in end_flows for port ${port}\n${agent.transcript()}`);
  return found;
}

/** Checks that lines name a process of root. */
export function assertOwner(lines: readonly Line[], pid: number, ppid: number, name = 'python3'): void {
  for (const line of lines) {
    const { pid: gotPid, ppid: gotPpid, uid, processName } = line;
    assert.equal({ gotPid, gotPpid, uid, processName }, { gotPid: pid, gotPpid: ppid, uid: 0, processName: name });
  }
}

/** A pod 10.9.9.2 and its peer 10.9.9.3 on a bridge of their own. */
export function twins(lab: Lab, number: number): { pod: Namespace; peer: Namespace; hostIndex: number } {
  const bridge = `br${number}`;
  lab.node.run('ip', 'link', 'add', bridge, 'type', 'bridge');
  lab.node.run('ip', 'link', 'set', bridge, 'up');
  const join = (role: string, address: string) => {
    const where = lab.namespace(role);
    const link = `${role}${number}`;
    lab.node.run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', where.name);
    lab.node.run('ip', 'link', 'set', link, 'master', bridge, 'up');
    where.run('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
    where.run('ip', 'link', 'set', 'eth0', 'up');
    lab.node.waitUntilUp(link);
    where.waitUntilUp('eth0');
    return where;
  };
  const pod = join('pod', '10.9.9.2');
  return { pod, peer: join('peer', '10.9.9.3'), hostIndex: lab.node.indexOf(`pod${number}`) };
}
