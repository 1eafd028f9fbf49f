// The points of one chart as the page holds them: sorted by x, trimmed to the history, and thinned
// to the minimum and maximum of each column when there are more than can be seen.
import type { Points } from './api';

export interface Series {
  name: string;
  slot: number;
  x: number[];
  y: (number | null)[];
}

const kPointsMax = 6000; // of one series; more is thinned to half
const kScatterMax = 10000; // of one scatter chart

export class SeriesSet {
  list: Series[] = [];
  private byName = new Map<string, Series>();

  // Takes a whole history, which is in the order of arrival.
  replace(points: Points[], sorted: boolean): void {
    this.list = points.map((p) => ({ name: p.name, slot: p.slot, x: p.x.slice(), y: p.y.slice() }));
    if (sorted) this.list.forEach(sort);
    this.byName = new Map(this.list.map((s) => [s.name, s]));
  }

  // Adds points; the result is true when there is a new series or a changed slot.
  add(points: Points[], sorted: boolean): boolean {
    let changed = false;
    for (const part of points) {
      let series = this.byName.get(part.name);
      if (!series) {
        series = { name: part.name, slot: part.slot, x: [], y: [] };
        this.byName.set(part.name, series);
        this.list.push(series);
        changed = true;
      } else if (series.slot !== part.slot) {
        series.slot = part.slot;
        changed = true;
      }
      for (let i = 0; i < part.x.length; i++) insert(series, part.x[i]!, part.y[i] ?? null, sorted);
    }
    return changed;
  }

  // Forgets what is before `from`, series that ended before included, and thins what is too dense. True
  // when series have gone.
  trimTime(from: number): boolean {
    for (const series of this.list) {
      const drop = lowerBound(series.x, from) - 1; // one point stays, so that the line enters from the left
      if (drop > 256 || (drop > 0 && drop > series.x.length / 8)) {
        series.x.splice(0, drop);
        series.y.splice(0, drop);
      }
      if (series.x.length > kPointsMax) thin(series, kPointsMax / 4);
    }
    return this.keep((series) => series.x.length > 0 && series.x[series.x.length - 1]! >= from);
  }

  private keep(wanted: (series: Series) => boolean): boolean {
    const kept = this.list.filter(wanted);
    if (kept.length === this.list.length) return false;
    this.list = kept;
    this.byName = new Map(kept.map((s) => [s.name, s]));
    return true;
  }

  trimCount(): void {
    let total = this.count();
    for (const series of this.list) {
      if (total <= kScatterMax) return;
      const drop = Math.min(series.x.length, Math.ceil(((total - kScatterMax) * series.x.length) / total));
      series.x.splice(0, drop);
      series.y.splice(0, drop);
      total -= drop;
    }
  }

  count(): number {
    let total = 0;
    for (const series of this.list) total += series.x.length;
    return total;
  }
}

function insert(series: Series, x: number, y: number | null, sorted: boolean): void {
  const { x: xs, y: ys } = series;
  if (!sorted || xs.length === 0 || x >= xs[xs.length - 1]!) {
    xs.push(x);
    ys.push(y);
    return;
  }
  const at = lowerBound(xs, x);
  xs.splice(at, 0, x);
  ys.splice(at, 0, y);
}

function sort(series: Series): void {
  const { x, y } = series;
  if (x.every((v, i) => i === 0 || x[i - 1]! <= v)) return;
  const order = x.map((_, i) => i).sort((a, b) => x[a]! - x[b]! || a - b);
  series.x = order.map((i) => x[i]!);
  series.y = order.map((i) => y[i]!);
}

// The first index whose x is at least `value`.
export function lowerBound(xs: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The index nearest to `value`, or -1.
export function nearest(xs: ArrayLike<number>, value: number): number {
  if (xs.length === 0) return -1;
  const at = lowerBound(xs, value);
  if (at === 0) return 0;
  if (at === xs.length) return at - 1;
  return value - xs[at - 1]! <= xs[at]! - value ? at - 1 : at;
}

// Keeps the minimum, the maximum and any null of each of `columns` equal spans, in order.
export function thin(series: Series, columns: number): void {
  const { x, y } = series;
  const first = x[0]!;
  const span = x[x.length - 1]! - first || 1;
  const keptX: number[] = [];
  const keptY: (number | null)[] = [];
  const keep = (i: number) => {
    keptX.push(x[i]!);
    keptY.push(y[i]!);
  };
  for (let i = 0; i < x.length; ) {
    const column = Math.floor(((x[i]! - first) / span) * columns);
    let low = -1;
    let high = -1;
    let hole = -1;
    let end = i;
    for (; end < x.length && Math.floor(((x[end]! - first) / span) * columns) === column; end++) {
      const value = y[end]!;
      if (value === null) hole = end;
      else {
        if (low < 0 || value < y[low]!) low = end;
        if (high < 0 || value > y[high]!) high = end;
      }
    }
    const chosen = [...new Set([low, high, hole])].filter((k) => k >= 0).sort((a, b) => a - b);
    chosen.forEach(keep);
    i = end;
  }
  series.x = keptX;
  series.y = keptY;
}
