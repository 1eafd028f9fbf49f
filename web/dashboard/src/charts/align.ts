// Puts series with their own times onto one time axis, as uPlot wants them: `undefined` where a
// series has no point, `null` where its line breaks.
import { lowerBound, type Series } from '../series';

export type Cell = number | null | undefined;

export interface Aligned {
  x: number[];
  y: Cell[][];
}

// Points in [from, to] and one beyond at each side. A distance over `gap` breaks the line.
export function align(list: Series[], from: number, to: number, gap: number): Aligned {
  const out: Aligned = { x: [], y: list.map(() => []) };
  const at = list.map((s) => Math.max(0, lowerBound(s.x, from) - 1));
  const end = list.map((s) => Math.min(s.x.length, lowerBound(s.x, to) + 1));
  const broken = list.map(() => false); // whether the break before the next point is written
  const next = (k: number): number => {
    const s = list[k]!;
    const i = at[k]!;
    if (i >= end[k]!) return Infinity;
    const x = s.x[i]!;
    const before = i > 0 && s.x[i - 1]! >= (out.x[0] ?? Infinity) ? s.x[i - 1]! : null;
    return before !== null && !broken[k] && x - before > gap ? (x + before) / 2 : x;
  };
  for (;;) {
    let x = Infinity;
    for (let k = 0; k < list.length; k++) x = Math.min(x, next(k));
    if (x === Infinity) break;
    const row = out.x.length;
    const hits: number[] = [];
    for (let k = 0; k < list.length; k++) if (next(k) === x) hits.push(k);
    out.x.push(x);
    for (const column of out.y) column.push(undefined);
    for (const k of hits) {
      const s = list[k]!;
      if (s.x[at[k]!] === x) {
        out.y[k]![row] = s.y[at[k]!] ?? null;
        at[k]!++;
        broken[k] = false;
      } else {
        out.y[k]![row] = null;
        broken[k] = true;
      }
    }
  }
  out.y.forEach(widenBreaks);
  return out;
}

// uPlot cuts a line between the rows next to a null, so a break must reach from the last point
// before it to the first one after it.
function widenBreaks(column: Cell[]): void {
  for (let row = 0; row < column.length; row++) {
    if (column[row] !== null) continue;
    let first = row;
    while (first > 0 && column[first - 1] === undefined) first--;
    while (row + 1 < column.length && (column[row + 1] === undefined || column[row + 1] === null)) row++;
    column.fill(null, first, row + 1);
  }
}

// The distance of two points that counts as a gap, or Infinity when none is known. Reduced history
// keeps about two points a column, so less than three columns is no gap.
export function gapOf(expected: number | null, columnMs: number): number {
  return expected ? Math.max(2.5 * expected, 3 * columnMs) : Infinity;
}
