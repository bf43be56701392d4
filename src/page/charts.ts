import uPlot from 'uplot';
import { BUCKET_BOUNDS_US } from '../model/latency-buckets.ts';
import type { LatencyPoint, PageEvent } from './store.ts';
import { quantileMs } from './view.ts';

const HEIGHT = 150;
const BARS = 90;
const BAR_GAP = 0.8;
/** Steps of latency that are put together to one point. */
const STEPS_A_POINT = 5;
const SHORTEST_SPAN_SECONDS = 60;
const LONGEST_SPAN_MS = 24 * 3600_000;

/** `13:36:34` UTC, of seconds since 1970-01-01. */
function timeText(seconds: number | null): string {
  return seconds === null ? '' : new Date(seconds * 1000).toISOString().slice(11, 19);
}

/** A chart that follows the size and the colours of its place. */
class Chart {
  readonly #place: HTMLElement;
  readonly #series: (colour: (name: string) => string) => uPlot.Series[];
  #plot: uPlot | null = null;
  #data: uPlot.AlignedData = [[]];

  constructor(place: HTMLElement, series: (colour: (name: string) => string) => uPlot.Series[]) {
    this.#place = place;
    this.#series = series;
    new ResizeObserver(() => this.#plot?.setSize({ width: this.#place.clientWidth, height: HEIGHT })).observe(place);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
    this.#draw();
  }

  show(data: uPlot.AlignedData): void {
    this.#data = data;
    this.#plot?.setData(data);
  }

  /** What is between the first and the last time, and a minute at least. */
  #span(): [first: number, last: number] {
    const times = this.#data[0];
    const last = times.at(-1) ?? Date.now() / 1000;
    return [Math.min(times[0] ?? last, last - SHORTEST_SPAN_SECONDS), last];
  }

  #draw(): void {
    this.#plot?.destroy();
    const colour = (name: string) => colourOf(this.#place, name);
    const axis = {
      stroke: colour('--dim'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { stroke: colour('--line') },
    };
    this.#plot = new uPlot(
      {
        width: this.#place.clientWidth || 300,
        height: HEIGHT,
        series: [{ label: 'UTC', value: (_, time) => timeText(time) }, ...this.#series(colour)],
        axes: [
          { ...axis, values: (_, times) => times.map(timeText), space: 80 },
          { ...axis, size: 55 },
        ],
        scales: {
          x: { range: () => this.#span() },
          y: { range: (_, __, most) => [0, Math.max(1, most ?? 1) * 1.1] },
        },
        cursor: { drag: { x: false, y: false } },
      },
      this.#data,
      this.#place,
    );
  }
}

/** Events by time: bars of those that tell of broken and of suspicious things. */
export class Timeline {
  readonly #chart: Chart;

  constructor(place: HTMLElement) {
    const bars = uPlot.paths.bars?.({ size: [BAR_GAP] });
    this.#chart = new Chart(place, (colour) =>
      (['suspicious', 'broken'] as const)
        .map((name) => ({
          label: name === 'broken' ? 'broken or suspicious' : 'of these suspicious',
          fill: colour(`--${name}`),
          stroke: colour(`--${name}`),
          points: { show: false },
          ...(bars === undefined ? {} : { paths: bars }),
        }))
        .reverse(),
    );
  }

  show(events: readonly PageEvent[], nowMs: number): void {
    const firstMs = Math.max(events[0]?.timeMs ?? nowMs, nowMs - LONGEST_SPAN_MS);
    const stepMs = Math.max(1000, Math.ceil((nowMs - firstMs) / BARS / 1000) * 1000);
    const beginMs = Math.floor(nowMs / stepMs) * stepMs - (BARS - 1) * stepMs;
    const times = Array.from({ length: BARS }, (_, i) => (beginMs + i * stepMs) / 1000);
    const [all, suspicious] = [times.map(() => 0), times.map(() => 0)];
    for (const { severity, timeMs } of events) {
      const bar = Math.floor((timeMs - beginMs) / stepMs);
      if (bar < 0 || bar >= BARS || severity === 'worth knowing') continue;
      all[bar] = (all[bar] ?? 0) + 1;
      if (severity === 'suspicious') suspicious[bar] = (suspicious[bar] ?? 0) + 1;
    }
    const shown = (bars: readonly number[]) => bars.map((count) => count || null); // no bar for none
    this.#chart.show([times, shown(all), shown(suspicious)]);
  }
}

/** Half and 99 of 100 of the handshakes by time. */
export class LatencyChart {
  readonly #chart: Chart;

  constructor(place: HTMLElement) {
    this.#chart = new Chart(place, (colour) =>
      (
        [
          ['TCP p50', '--accent', 1.5],
          ['TCP p99', '--accent', 3],
          ['TLS p50', '--note', 1.5],
          ['TLS p99', '--note', 3],
        ] as const
      ).map(([label, name, width]) => ({
        label: `${label} (ms)`,
        stroke: colour(name),
        width,
        spanGaps: true,
        ...(width > 2 ? {} : { dash: [5, 4] }),
      })),
    );
  }

  show(points: readonly LatencyPoint[]): void {
    const steps: LatencyPoint[][] = [];
    for (let i = points.length; i > 0; i -= STEPS_A_POINT)
      steps.unshift(points.slice(Math.max(0, i - STEPS_A_POINT), i));
    const column = (of: (point: LatencyPoint) => readonly number[], part: number) =>
      steps.map((step) => quantileMs(addUp(step.map(of)), BUCKET_BOUNDS_US, part));
    this.#chart.show([
      steps.map((step) => (step.at(-1)?.timeMs ?? 0) / 1000),
      column(({ handshakes }) => handshakes, 0.5),
      column(({ handshakes }) => handshakes, 0.99),
      column(({ tlsHandshakes }) => tlsHandshakes, 0.5),
      column(({ tlsHandshakes }) => tlsHandshakes, 0.99),
    ]);
  }
}

function addUp(rows: readonly (readonly number[])[]): number[] {
  return (rows[0] ?? []).map((_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0));
}

/** The colour a variable of the style sheet stands for now. */
function colourOf(place: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
