// Times as text: 24 h, in the viewer's zone, or UTC with `tz=utc` in the link.
import { words } from './words';

let zone: string | undefined;

export function useUtc(on: boolean): void {
  zone = on ? 'UTC' : undefined;
  formats.clear();
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  let found = formats.get(name);
  if (!found) {
    found = new Intl.DateTimeFormat(words.lang === 'en' ? 'en-GB' : words.lang, { ...options, hourCycle: 'h23', timeZone: zone });
    formats.set(name, found);
  }
  return found;
}

export const hourMinute = (ms: number): string => format('hm', { hour: '2-digit', minute: '2-digit' }).format(ms);

export const hourMinuteSecond = (ms: number): string =>
  format('hms', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms);

export const dayMonth = (ms: number): string => format('dm', { day: 'numeric', month: 'short' }).format(ms);

export const day = (ms: number): string =>
  format('d', { day: 'numeric', month: 'short', year: 'numeric' }).format(ms);

// 12:04 today, 24 Nov 12:04 on another day.
export function since(ms: number, now: number): string {
  return dayMonth(ms) === dayMonth(now) ? hourMinute(ms) : `${dayMonth(ms)} ${hourMinute(ms)}`;
}

export function duration(ms: number): string {
  const minutes = Math.floor(ms / 60000);
  if (minutes < 1) return `${Math.max(0, Math.floor(ms / 1000))}\u202fs`;
  if (minutes < 60) return `${minutes}\u202fmin`;
  const hours = Math.floor(minutes / 60);
  const two = (n: number) => String(n).padStart(2, '0');
  if (hours < 24) return `${hours}\u202fh ${two(minutes % 60)}\u202fmin`;
  return `${Math.floor(hours / 24)}\u202fd ${two(hours % 24)}\u202fh`;
}

// Milliseconds to add to UTC for the clock on the wall, so that ticks fall on its hours and days.
export const wallOffset = (ms: number): number => (zone === 'UTC' ? 0 : -new Date(ms).getTimezoneOffset() * 60000);
