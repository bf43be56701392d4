import { relative } from 'node:path';
import type { Style } from './style.ts';
import { wrap } from './wrap.ts';

/** How a report is laid out. */
export interface Layout {
  readonly width: number;
  readonly style: Style;
  /** Paths are shown as seen from here, if they are below it. */
  readonly directory: string;
}

const LABEL_WIDTH = 9;
export const INDENT = '   ';

/** Lines of a fact: its label, and its text beside it. */
export function fact(label: string, text: string, { width, style }: Layout): string[] {
  const step = text.startsWith('- ') ? '  ' : '';
  const begin = INDENT.length + 1 + LABEL_WIDTH + 1;
  const lines = wrap(text, width - begin - step.length);
  return lines.map((line, i) => {
    const lead = `${INDENT} ${style.dim((i === 0 ? label : '').padEnd(LABEL_WIDTH))} `;
    return `${lead}${i === 0 ? '' : step}${line}`.trimEnd();
  });
}

/** A path as seen from the working directory, if it is below that. */
export function shownPath(directory: string, name: string, layout: Layout): string {
  const path = name === '' ? directory : `${directory}/${name}`;
  const seen = relative(layout.directory, path);
  return seen === '' || seen.startsWith('..') ? path : seen;
}

/** `13:36:34` of an ISO time. */
export function timeOf(iso: string): string {
  return iso.slice(11, 19);
}

/** `1 event`, `2 events`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** `45 s`, `12 min`, `3 h`, `2 days`: rounded down. */
export function spanText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}
