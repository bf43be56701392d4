/** 9999-12-31T23:59:59.999Z: what is later, as in a broken capture file, is written as this. */
const MAX_TIME_MS = 253_402_300_799_999;

/** Never an invalid date, which would throw when it is written: what is no time is written as 1970. */
function toDate(timeUs: number): Date {
  const timeMs = Math.floor(timeUs / 1000);
  return new Date(Number.isNaN(timeMs) ? 0 : Math.min(Math.max(timeMs, 0), MAX_TIME_MS));
}

/** `YYYY_MM_DD_HH_MM_SS` in UTC, as in file names, of microseconds since 1970-01-01. */
export function formatFileTime(timeUs: number): string {
  return toDate(timeUs).toISOString().slice(0, 19).replace(/[-T:]/g, '_');
}

/** ISO 8601 in UTC with microseconds, of microseconds since 1970-01-01. */
export function formatIsoTime(timeUs: number): string {
  const microseconds = Math.trunc(timeUs - Math.floor(timeUs / 1000) * 1000) || 0;
  return `${toDate(timeUs).toISOString().slice(0, -1)}${String(microseconds).padStart(3, '0')}Z`;
}

/** ISO 8601 in UTC with milliseconds, of milliseconds since 1970-01-01. */
export function formatIsoTimeMs(timeMs: number): string {
  return toDate(timeMs * 1000).toISOString();
}
