import * as assert from 'uvu/assert';
import type { Finding } from '../../src/diagnosis/finding.ts';
import type { Service } from '../../src/diagnosis/servers.ts';
import type { Severity } from '../../src/diagnosis/severity.ts';
import type { CauseId } from '../../src/model/cause-id.ts';
import type { EventCode } from '../../src/model/event-code.ts';
import { AGENT, type AgentRun } from '../lab/agent.ts';
import type { Pod } from '../lab/lab.ts';
import { run } from '../lab/program.ts';
import type { EndFlowLine, EventLine, LogLine } from '../lab/session-files.ts';

/** What has to be said of one server. */
export interface Expected {
  readonly causeId: CauseId;
  readonly title: string | RegExp;
  readonly severity?: Severity;
  /** The code that stands at each connection that failed. */
  readonly code: EventCode;
  /** Connections that failed, and all to that server. */
  readonly failed: number;
  readonly all?: number;
}

/** Of `report --json`. */
interface Session {
  readonly findings: readonly Finding[];
  readonly services: readonly Service[];
}

/** What a session wrote, and what a person reads of it in the report. */
export class Verdict {
  readonly events: readonly EventLine[];
  readonly endFlows: readonly EndFlowLine[];
  readonly log: readonly LogLine[];
  readonly findings: readonly Finding[];
  readonly services: readonly Service[];
  /** The report, each run of spaces one space. */
  readonly text: string;
  readonly directory: string;

  private constructor(agent: AgentRun, pod: Pod) {
    const { events, endFlows, log, directory } = agent.files(pod.hostIndex);
    const report = [process.execPath, AGENT, 'report'];
    const { sessions } = JSON.parse(run([...report, '--json', directory])) as { sessions: Session[] };
    assert.is(sessions.length, 1, 'one session');
    this.events = events;
    this.endFlows = endFlows;
    this.log = log;
    this.findings = sessions[0]?.findings ?? [];
    this.services = sessions[0]?.services ?? [];
    this.text = run([...report, directory]).replace(/\s+/g, ' ');
    this.directory = directory;
  }

  /** Stops the agent and reads what it wrote of each pod. */
  static async of(agent: AgentRun, ...pods: readonly Pod[]): Promise<Verdict[]> {
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());
    return pods.map((pod) => new Verdict(agent, pod));
  }

  eventsOf(port: number): EventLine[] {
    return this.events.filter(({ dstPort }) => dstPort === port);
  }

  endsOf(port: number): EndFlowLine[] {
    return this.endFlows.filter(({ dstPort }) => dstPort === port);
  }

  findingsOf(port: number): Finding[] {
    return this.findings.filter(({ where }) => where.endsWith(`:${port}`));
  }

  /** Connections that the report counts as answered and ended in order. */
  healthyOf(port: number): number {
    return this.services.find(({ where }) => where.endsWith(`:${port}`))?.healthy ?? 0;
  }

  /** Whether the report lists the server among the healthy ones; it lists twenty at most. */
  isHealthy(port: number): boolean {
    const [, healthy = ''] = this.text.split(' Healthy Servers of which nothing is wrong');
    return new RegExp(`:${port} \\(`).test(healthy);
  }

  /** Everything that was written about a server, for messages. */
  about(port: number): string {
    const findings = this.findingsOf(port).map(({ severity, title, causeId, joined, events, connections }) => ({
      ...{ severity, title, causeId, joined, events, connections },
    }));
    const lines = [...this.eventsOf(port), ...this.endsOf(port), ...findings].map((line) => JSON.stringify(line));
    return `port ${port}\n${lines.join('\n')}`;
  }

  /** One finding, with its title, its counts and its place in the report; the server is not called healthy. */
  finds(port: number, { causeId, title, severity = 'broken', code, failed, all = failed }: Expected): Finding {
    const about = this.about(port);
    const [finding, ...others] = this.findingsOf(port);
    assert.is(finding?.causeId, causeId, about);
    assert.equal(others, [], `one trouble is one finding\n${about}`);
    if (typeof title === 'string') assert.is(finding?.title, title, about);
    else assert.match(finding?.title ?? '', title, about);
    assert.is(finding?.severity, severity, about);
    assert.equal(finding?.connections, { failed, all, isAtLeast: false }, about);
    const failures = this.endsOf(port).filter((end) => end.failure === code);
    assert.is(failures.length, failed, about);
    assert.not.ok(this.isHealthy(port), about);
    const read = this.text.slice(this.text.indexOf(finding?.title ?? '?'));
    const counts = ` ${failed} of ${all} connection${all === 1 ? '' : 's'};`;
    assert.ok(read.startsWith(`${finding?.title} cause `), `the title stands in the report\n${about}`);
    assert.ok(read.slice(0, read.indexOf(' try ')).includes(counts), `${read.slice(0, 600)}\n${about}`);
    return finding as Finding;
  }

  /** Nothing is told but that TLS was spoken, and the report counts each connection as healthy. */
  findsNothing(port: number, connections: number): void {
    const about = this.about(port);
    const told = this.eventsOf(port).filter(({ code, quality }) => code !== '00003' || quality !== 1);
    assert.equal(told, [], about);
    assert.equal(this.findingsOf(port), [], about);
    assert.is(this.endsOf(port).length, connections, about);
    assert.ok(
      this.endsOf(port).every(({ failure, quality }) => failure === '' && quality === 1),
      about,
    );
    assert.is(this.healthyOf(port), connections, about);
  }
}
