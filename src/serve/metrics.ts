import type { Metric, Registry } from 'prom-client';
import { AGENT_METRICS } from './agent-metrics.ts';
import type { MetricDefinition } from './metric.ts';
import type { Observed } from './observed.ts';
import { SESSION_METRICS } from './session-metrics.ts';

/**
 * The agent's metrics in Prometheus' text format. They are gathered when they are asked for, out of what is counted
 * anyway: as long as nobody asks, they cost nothing.
 */
export class Metrics {
  readonly #registry: Registry;
  #underWay: Promise<string> | null = null;

  private constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Loads what writes the text, which an agent that is never asked does without. */
  static async of(observed: Observed): Promise<Metrics> {
    const { Registry } = await import('prom-client');
    const registry = new Registry();
    for (const definition of [...AGENT_METRICS, ...SESSION_METRICS]) {
      registry.registerMetric(collected(definition, observed));
    }
    return new Metrics(registry);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text as of now; who asks while it is being gathered gets the same. */
  text(): Promise<string> {
    this.#underWay ??= this.#registry.metrics().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }
}

/** A metric whose values are those of the moment it is asked: `get` and the name are all that a registry uses of one. */
function collected({ name, help, type, ...definition }: MetricDefinition, observed: Observed): Metric {
  const get = async () => {
    const samples = definition.samples(observed);
    return {
      name,
      help,
      type,
      values: samples.map(({ part = '', ...sample }) => ({ ...sample, metricName: name + part })),
    };
  };
  return { name, get } as unknown as Metric;
}
