import type { SessionState } from '../model/session-status.ts';
import { byLabel, type MetricDefinition, single } from './metric.ts';

const NO_SESSIONS: Readonly<Record<SessionState, number>> = {
  starting: 0,
  capturing: 0,
  waiting: 0,
  failing: 0,
  refused: 0,
  unusable: 0,
};

/** What is told of the agent itself. Those of the process have the names that Prometheus' own libraries use. */
export const AGENT_METRICS: readonly MetricDefinition[] = [
  {
    name: 'dlltagent_sessions',
    help: 'Sessions by state.',
    type: 'gauge',
    samples: (observed) => {
      const count = { ...NO_SESSIONS };
      for (const { state } of observed.sessions()) count[state]++;
      return byLabel('state', count);
    },
  },
  {
    name: 'dlltagent_reloads_total',
    help: 'Changes of env files, by whether they could be used.',
    type: 'counter',
    samples: ({ reloads }) => byLabel('result', { good: reloads.good, bad: reloads.bad }),
  },
  {
    name: 'dlltagent_memory_limit_bytes',
    help: 'Memory the agent may use in all (MEMORY_MB).',
    type: 'gauge',
    samples: (observed) => single(observed.memory().limitBytes),
  },
  {
    name: 'dlltagent_memory_bytes',
    help: 'Memory set aside for the program, and used by all sessions, by what for.',
    type: 'gauge',
    samples: (observed) => {
      const { programBytes, usedBytes } = observed.memory();
      return byLabel('use', { program: programBytes, ...usedBytes });
    },
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the agent, user and system.',
    type: 'counter',
    samples: () => {
      const { user, system } = process.cpuUsage();
      return single((user + system) / 1_000_000);
    },
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the agent, its capture rings included.',
    type: 'gauge',
    samples: () => single(process.memoryUsage.rss()),
  },
  {
    name: 'process_start_time_seconds',
    help: 'When the agent started, since 1970-01-01 UTC.',
    type: 'gauge',
    samples: () => single(performance.timeOrigin / 1000),
  },
];
