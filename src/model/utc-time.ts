/** 9999-12-31T23:59:59.999Z: what is later, as in a broken capture file, is written as this. */
const MAX_TIME_MS = 253_402_300_799_999;

/** Never an invalid date, which would throw when it is written: what is no time is written as 1970. */
function toTimeMs(timeUs: number): number {
  const timeMs = Math.floor(timeUs / 1000);
  return Number.isNaN(timeMs) ? 0 : Math.min(Math.max(timeMs, 0), MAX_TIME_MS);
}

function toDate(timeUs: number): Date {
  return new Date(toTimeMs(timeUs));
}

function threeDigits(number: number): string {
  return String(number).padStart(3, '0');
}

/** `YYYY_MM_DD_HH_MM_SS` in UTC, as in file names, of microseconds since 1970-01-01. */
export function formatFileTime(timeUs: number): string {
  return toDate(timeUs).toISOString().slice(0, 19).replace(/[-T:]/g, '_');
}

/** The second that was written last: most of what is written is of the same one. */
const latest = { second: Number.NaN, text: '' };

/** ISO 8601 in UTC with microseconds, of microseconds since 1970-01-01. */
export function formatIsoTime(timeUs: number): string {
  const timeMs = toTimeMs(timeUs);
  const microseconds = Math.trunc(timeUs - Math.floor(timeUs / 1000) * 1000) || 0;
  const second = Math.floor(timeMs / 1000);
  if (second !== latest.second) {
    latest.second = second;
    latest.text = new Date(second * 1000).toISOString().slice(0, 19);
  }
  return `${latest.text}.${threeDigits(timeMs - second * 1000)}${threeDigits(microseconds)}Z`;
}

/** ISO 8601 in UTC with milliseconds, of milliseconds since 1970-01-01. */
export function formatIsoTimeMs(timeMs: number): string {
  return toDate(timeMs * 1000).toISOString();
}
