// One histogram: bars from zero, p5, p50 and p95 marked. The daemon chooses the bins.
import type { Histogram } from '../api';
import type { ChartFeed } from '../chart_feed';
import { fixed } from '../numbers';
import { palette } from '../palette';
import { niceStep, stepDecimals, ticks } from '../ticks';
import { Surface, textWidth, type Box } from './surface';

const kTopPx = 24; // room for the names of the percentiles
const kBottomPx = 26;
const kRightPx = 14;
const kEaseAfterMs = 30000;

// The count axis only grows, then eases down after thirty seconds.
class CountAxis {
  max = 0;
  private lowSince: number | null = null;

  fit(most: number, now: number): void {
    const top = topFor(most);
    if (top >= this.max) {
      this.max = top;
      this.lowSince = null;
    } else {
      this.lowSince ??= now;
      if (now - this.lowSince > kEaseAfterMs) {
        this.max = top;
        this.lowSince = null;
      }
    }
  }
}

// A top for the axis with a little room, such that counts grow through few of them.
function topFor(most: number): number {
  const step = niceStep((Math.max(1, most) * 1.05) / 5);
  return Math.ceil((Math.max(1, most) * 1.05) / step) * step;
}

export class HistogramChart {
  private surface: Surface;
  private axis = new CountAxis();
  private drawn = '';

  constructor(host: HTMLElement, private feed: ChartFeed) {
    this.surface = new Surface(host);
  }

  destroy(): void {
    this.surface.destroy();
  }

  resize(width: number, height: number): void {
    this.surface.resize(width, height);
  }

  plotWidth(): number {
    return Math.max(0, this.surface.width - 60);
  }

  draw(now: number): void {
    const { surface } = this;
    const h = this.feed.histogram;
    if (!h || surface.width < 80 || surface.height < 60) return;
    const colours = palette.get();
    const before = this.axis.max;
    const most = Math.max(0, ...h.counts, h.below, h.above);
    this.axis.fit(most, now);
    const key = [this.feed.version, surface.width, surface.height, devicePixelRatio, colours.panel, colours.font].join('|');
    if (key === this.drawn && before === this.axis.max) return;
    this.drawn = key;

    surface.begin();
    const { ctx } = surface;
    const top = this.axis.max;
    const height = surface.height - kTopPx - kBottomPx;
    const y = ticks(0, top, height, 28, 1);
    const labels = y.values.map((v) => fixed(v, 0));
    const left = 10 + Math.ceil(Math.max(16, ...labels.map((l) => textWidth(l, surface.font(colours)))));
    const box: Box = { left, top: kTopPx, width: surface.width - left - kRightPx, height };
    // Half a bin of room at both ends, and a slot for what is outside.
    const below = h.below > 0 ? 1.5 : 0;
    const above = h.above > 0 ? 1.5 : 0;
    const from = h.start - (0.5 + below) * h.width;
    const to = h.start + (h.counts.length + 0.5 + above) * h.width;
    const place = (value: number) => (value - from) / (to - from);
    const x = ticks(h.start, h.start + h.counts.length * h.width, box.width, 44);
    surface.axes(
      box,
      { at: x.values.map(place), labels: x.values.map((v) => fixed(v, x.decimals)) },
      { at: y.values.map((v) => v / top), labels },
      colours,
      false,
    );

    const bar = (start: number, count: number, alpha: number) => {
      if (count <= 0) return;
      const x0 = surface.snap(box.left + place(start) * box.width);
      const x1 = surface.snap(box.left + place(start + h.width) * box.width);
      const size = Math.max(1, (count / top) * box.height); // a single one can still be seen
      ctx.globalAlpha = alpha;
      ctx.fillRect(x0, box.top + box.height - size, Math.max(1, x1 - x0 - 1), size);
    };
    ctx.fillStyle = colours.series[1]!;
    h.counts.forEach((count, i) => bar(h.start + i * h.width, count, 0.85));
    bar(h.start - 1.5 * h.width, h.below, 0.45);
    bar(h.start + (h.counts.length + 0.5) * h.width, h.above, 0.45);
    ctx.globalAlpha = 1;
    this.percentiles(h, box, place);
  }

  private percentiles(h: Histogram, box: Box, place: (value: number) => number): void {
    const { surface } = this;
    const { ctx } = surface;
    const colours = palette.get();
    const decimals = valueDecimals(h);
    ctx.font = surface.font(colours);
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    let free = 0; // labels keep clear of the one before
    const marks: [string, number][] = [['p5', h.p5], ['p50', h.p50], ['p95', h.p95]];
    for (const [name, value] of marks) {
      const at = place(value);
      if (!(at >= 0 && at <= 1)) continue;
      const column = surface.snap(box.left + at * box.width);
      ctx.strokeStyle = colours.text2;
      ctx.lineWidth = 1;
      ctx.setLineDash(name === 'p50' ? [] : [3, 3]);
      ctx.beginPath();
      ctx.moveTo(column, box.top - 6);
      ctx.lineTo(column, box.top + box.height);
      ctx.stroke();
      const text = fixed(value, decimals);
      const nameWidth = textWidth(`${name} `, ctx.font);
      const width = nameWidth + textWidth(text, ctx.font);
      const start = Math.max(free, Math.min(surface.width - width - 2, column - width / 2));
      if (start + width > surface.width) continue;
      free = start + width + 10;
      ctx.fillStyle = colours.text3;
      ctx.fillText(name, start, 9);
      ctx.fillStyle = colours.text2;
      ctx.fillText(text, start + nameWidth, 9);
    }
    ctx.setLineDash([]);
  }
}

// One decimal more than the bins have.
export const valueDecimals = (h: Histogram): number => Math.min(6, stepDecimals(h.width) + 1);
