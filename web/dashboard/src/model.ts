// What the page knows: the daemon's state, its charts, and the connection to it.
import type { Chart, Reload, Status } from './api';
import { Value } from './value';
import { kDefaultRange, ranges, view } from './view';

export interface Link {
  state: 'loading' | 'open' | 'lost';
  since: number;
  retryAt: number | null; // null while a try is under way
}

export const status = new Value<Status | null>(null);
export const charts = new Value<Chart[] | null>(null);
export const link = new Value<Link>({ state: 'loading', since: Date.now(), retryAt: null });
export const refused = new Value<Reload | null>(null); // the last reload when it was refused
export const cursor = new Value<number | null>(null); // a time, shared by all charts
export const spoken = new Value(''); // what a screen reader says next

// The daemon's clock.
let offset = 0;
let offsetKnown = false;

export function setDaemonNow(now: number): void {
  const seen = now - Date.now();
  // A frame can only be late, so the largest difference is the truest; let it sink slowly for drift.
  offset = !offsetKnown || seen > offset || offset - seen > 2000 ? seen : offset - (offset - seen) * 0.01;
  offsetKnown = true;
}

export const daemonNow = (): number => Date.now() + offset;
export const clockOffset = (): number => offset;

// Ticks once a second for countdowns and "up 4 d".
export const clock = new Value(0);

export function startClock(): void {
  const tick = () => clock.set(daemonNow());
  tick();
  setInterval(() => {
    if (!document.hidden) tick();
  }, 1000);
  document.addEventListener('visibilitychange', tick);
}

export interface Span {
  from: number;
  to: number;
}

// What charts show: the zoom, or the range up to now or the pause. A chart with records of another
// time, read from a file, shows all of them: `past`.
export function shownSpan(past: Span | null = null): Span {
  const { zoom, range, pausedAt } = view.get();
  if (zoom) return { from: zoom[0], to: zoom[1] };
  if (past) return past;
  const to = pausedAt ?? daemonNow();
  return { from: to - shownRange(range, to), to };
}

// The chosen range, or the longest that the charts keep.
export function usableRange(range: number | null): number {
  const wanted = range ?? kDefaultRange;
  const kept = historyMs();
  return kept > 0 && wanted > kept ? Math.max(...allowedRanges(kept)) : wanted;
}

// Without a choice, young charts show less than the default, so that a line is seen from its first seconds.
export function shownRange(range: number | null, now: number): number {
  const most = usableRange(range);
  if (range !== null || earliest === null) return most;
  return Math.min(most, kYoungRanges.find((r) => r >= now - earliest!) ?? most);
}

const kYoungRanges = [60000, 120000, 300000];
let earliest: number | null = null; // the first point of all live charts

export function setEarliest(x: number | null): void {
  earliest = x;
}

export function historyMs(): number {
  const kept = (charts.get() ?? []).filter((c) => c.x_is_time && c.kind !== 'histogram').map((c) => c.history_ms);
  return kept.length ? Math.max(...kept) : 0;
}

const allowedRanges = (kept: number) => ranges.filter((r) => r <= kept).concat(Math.min(kept, ranges[0]!));

let spokenAt = 0;
let spokenNext: ReturnType<typeof setTimeout> | undefined;

// Says `text` politely, at most once a second; only the newest waits.
export function say(text: string): void {
  clearTimeout(spokenNext);
  const wait = Math.max(0, spokenAt + 1000 - Date.now());
  spokenNext = setTimeout(() => {
    spokenAt = Date.now();
    spoken.set(text);
  }, wait);
}
