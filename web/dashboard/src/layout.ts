// How many of the twelve columns each chart takes, so that every row is full.
import type { Chart } from './api';

export interface Place {
  span: number;
  height: 'tall' | 'middle' | 'low';
}

export function places(charts: Chart[]): Place[] {
  let row = 0;
  let used = 0;
  return spans(charts).map((span) => {
    if (used + span > 12) {
      row++;
      used = 0;
    }
    used += span;
    return { span, height: row === 0 || charts.length <= 3 ? 'tall' : row === 1 ? 'middle' : 'low' };
  });
}

function spans(charts: Chart[]): number[] {
  const isLine = (i: number) => charts[i]?.kind === 'line';
  const pair = (i: number) => (isLine(i) ? [8, 4] : isLine(i + 1) ? [4, 8] : [6, 6]);
  const n = charts.length;
  if (n === 0) return [];
  if (n === 1) return [12];
  if (n === 2) return isLine(0) && isLine(1) ? [12, 12] : pair(0);
  if (n === 3) return [12, 6, 6];
  // Rows of three, after one or two rows of two where needed.
  const out = n % 3 === 0 ? [] : pair(0);
  if (n % 3 === 1) out.push(6, 6);
  while (out.length < n) out.push(4, 4, 4);
  return out;
}
