// Marks that lines need beyond uPlot: ends of gaps, single points, the span without data.
import type { Cell } from './align';

export function hatch(
  ctx: CanvasRenderingContext2D, left: number, top: number, width: number, height: number,
  colour: string, scale: number,
): void {
  if (width < 1) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.25 * scale;
  const step = Math.round(6 * scale);
  const bottom = Math.round(top + height); // whole pixels, else the lines look broken
  const rise = bottom - Math.floor(top);
  ctx.beginPath();
  // Anchored to the canvas, so that the lines hold still while the span grows.
  for (let x = Math.floor((left - rise) / step) * step; x < left + width; x += step) {
    ctx.moveTo(x, bottom);
    ctx.lineTo(x + rise, bottom - rise);
  }
  ctx.stroke();
  ctx.restore();
}

// Calls `dot` for both ends of each gap, and for a point that stands alone.
export function gapEnds(column: Cell[], dot: (row: number) => void): void {
  const runs: { first: number; last: number }[] = [];
  let run: { first: number; last: number } | null = null;
  column.forEach((cell, row) => {
    if (cell === undefined) return;
    if (cell === null) run = null;
    else if (run) run.last = row;
    else runs.push((run = { first: row, last: row }));
  });
  runs.forEach(({ first, last }, i) => {
    if (i > 0) dot(first);
    if ((i < runs.length - 1 && (i === 0 || last > first)) || (runs.length === 1 && first === last)) dot(last);
  });
}
