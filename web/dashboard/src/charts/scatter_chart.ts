// One scatter chart: a raster of dots summed for each pixel, with a logarithmic ramp of colours.
import type { ChartFeed } from '../chart_feed';
import { cursor, shownSpan } from '../model';
import { fixed } from '../numbers';
import { palette } from '../palette';
import { SteadyRange } from '../y_range';
import { ticks, timeTicks } from '../ticks';
import { timeLabel } from './line_chart';
import { Surface, textWidth, type Box } from './surface';

const kDotPx = 2.5;
const kTopPx = 8;
const kBottomPx = 26;
const kRightPx = 16;
const kShades = 256;

export class ScatterChart {
  top = 1; // the count at the top of the ramp, eased so that colours do not flicker
  private surface: Surface;
  private xRange = new SteadyRange();
  private yRange = new SteadyRange();
  private raster = document.createElement('canvas');
  private sums = new Float32Array(0);
  private shades = new Uint8ClampedArray(0);
  private shadesFor = '';
  private drawn = '';
  private settled = false;

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
    const { surface, feed } = this;
    if (feed.isEmpty() || surface.width < 80 || surface.height < 60) return;
    const colours = palette.get();
    const timed = feed.chart.x_is_time;
    const span = timed ? shownSpan(feed.past()) : null;
    const key = [
      feed.version, surface.width, surface.height, devicePixelRatio, colours.panel, colours.font,
      span ? Math.floor(span.to / 500) : '', timed ? cursor.get() : '',
    ].join('|');
    if (key === this.drawn && this.settled) return;
    this.drawn = key;

    const { x: xExtent, y: yExtent } = this.extents();
    this.xRange.fit(xExtent[0], xExtent[1], now);
    this.yRange.fit(yExtent[0], yExtent[1], now);
    const [x0, x1] = span ? [span.from, span.to] : [this.xRange.min, this.xRange.max];
    const fixedRange = feed.chart.range;
    const [y0, y1] = fixedRange && fixedRange.length === 2 ? fixedRange : [this.yRange.min, this.yRange.max];

    surface.begin();
    const height = surface.height - kTopPx - kBottomPx;
    const y = ticks(y0, y1, height, 28);
    const labels = y.values.map((v) => fixed(v, y.decimals));
    const left = 10 + Math.ceil(Math.max(16, ...labels.map((l) => textWidth(l, surface.font(colours)))));
    const box: Box = { left, top: kTopPx, width: surface.width - left - kRightPx, height };
    const x = timed ? timeTicks(x0, x1, box.width, 64) : ticks(x0, x1, box.width, 56);
    const xLabels = x.values.map((v) => (timed ? timeLabel(v, x.step) : fixed(v, x.decimals)));
    surface.axes(
      box,
      { at: x.values.map((v) => (v - x0) / (x1 - x0)), labels: xLabels },
      { at: y.values.map((v) => (v - y0) / (y1 - y0)), labels },
      colours,
      true,
    );
    this.paint(box, x0, x1, y0, y1);
    if (!timed) this.caption(box);
    else this.cursorLine(box, x0, x1);
  }

  private extents(): { x: [number, number]; y: [number, number] } {
    const x: [number, number] = [Infinity, -Infinity];
    const y: [number, number] = [Infinity, -Infinity];
    for (const s of this.feed.series.list) {
      for (let i = 0; i < s.x.length; i++) {
        const v = s.y[i];
        if (v === null || v === undefined) continue;
        const u = s.x[i]!;
        if (u < x[0]) x[0] = u;
        if (u > x[1]) x[1] = u;
        if (v < y[0]) y[0] = v;
        if (v > y[1]) y[1] = v;
      }
    }
    return { x, y };
  }

  private paint(box: Box, x0: number, x1: number, y0: number, y1: number): void {
    const scale = this.surface.scale;
    const w = Math.max(1, Math.round(box.width * scale));
    const h = Math.max(1, Math.round(box.height * scale));
    if (this.sums.length !== w * h) this.sums = new Float32Array(w * h);
    else this.sums.fill(0);
    const sums = this.sums;
    const mask = dotMask((kDotPx / 2) * scale);
    const sx = (w - 1) / (x1 - x0);
    const sy = (h - 1) / (y1 - y0);
    for (const s of this.feed.series.list) {
      for (let i = 0; i < s.x.length; i++) {
        const v = s.y[i];
        if (v === null || v === undefined) continue;
        const cx = Math.round((s.x[i]! - x0) * sx);
        const cy = Math.round((y1 - v) * sy);
        if (cx < 0 || cy < 0 || cx >= w || cy >= h) continue;
        for (const dot of mask) {
          const px = cx + dot.dx;
          const py = cy + dot.dy;
          if (px >= 0 && py >= 0 && px < w && py < h) sums[py * w + px]! += dot.weight;
        }
      }
    }
    let most = 1;
    for (let i = 0; i < sums.length; i++) if (sums[i]! > most) most = sums[i]!;
    this.easeTop(most);

    this.raster.width = w;
    this.raster.height = h;
    const ctx = this.raster.getContext('2d')!;
    const image = ctx.createImageData(w, h);
    const out = image.data;
    const shades = this.ramp();
    const perLog = (kShades - 1) / Math.log(Math.max(2, this.top));
    for (let i = 0; i < sums.length; i++) {
      const sum = sums[i]!;
      if (sum === 0) continue;
      const shade = sum <= 1 ? 0 : Math.min(kShades - 1, Math.round(Math.log(sum) * perLog));
      out[4 * i] = shades[3 * shade]!;
      out[4 * i + 1] = shades[3 * shade + 1]!;
      out[4 * i + 2] = shades[3 * shade + 2]!;
      out[4 * i + 3] = 255 * Math.min(1, sum);
    }
    ctx.putImageData(image, 0, 0);
    this.surface.ctx.drawImage(this.raster, box.left, box.top, box.width, box.height);
  }

  private easeTop(most: number): void {
    const before = this.top;
    this.top = before === 1 ? most : before + (most - before) * (most > before ? 0.3 : 0.05);
    this.settled = Math.abs(this.top - most) < 0.5;
  }

  // --d0 to --d1 to --d2 in equal halves.
  private ramp(): Uint8ClampedArray {
    const colours = palette.get().ramp;
    const key = colours.join();
    if (key === this.shadesFor) return this.shades;
    this.shadesFor = key;
    this.shades = new Uint8ClampedArray(kShades * 3);
    const stops = colours.map(rgb);
    for (let i = 0; i < kShades; i++) {
      const at = (i / (kShades - 1)) * 2;
      const a = stops[at < 1 ? 0 : 1]!;
      const b = stops[at < 1 ? 1 : 2]!;
      const part = at < 1 ? at : at - 1;
      for (let c = 0; c < 3; c++) this.shades[3 * i + c] = a[c]! + (b[c]! - a[c]!) * part;
    }
    return this.shades;
  }

  // The name of x inside, at bottom right.
  private caption(box: Box): void {
    const { ctx } = this.surface;
    const colours = palette.get();
    ctx.font = this.surface.font(colours);
    ctx.textAlign = 'right';
    ctx.textBaseline = 'bottom';
    const text = this.feed.chart.x;
    ctx.lineWidth = 4;
    ctx.lineJoin = 'round';
    ctx.strokeStyle = colours.panel;
    ctx.strokeText(text, box.left + box.width - 4, box.top + box.height - 4);
    ctx.fillStyle = colours.text2;
    ctx.fillText(text, box.left + box.width - 4, box.top + box.height - 4);
  }

  private cursorLine(box: Box, x0: number, x1: number): void {
    const at = cursor.get();
    if (at === null || at < x0 || at > x1) return;
    const { ctx } = this.surface;
    const column = this.surface.snap(box.left + ((at - x0) / (x1 - x0)) * box.width);
    ctx.strokeStyle = palette.get().line2;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(column, box.top);
    ctx.lineTo(column, box.top + box.height);
    ctx.stroke();
  }
}

interface Dot {
  dx: number; dy: number; weight: number;
}

// The pixels of a dot with how much of each it covers, counted on a 4 × 4 grid.
function dotMask(radius: number): Dot[] {
  const reach = Math.ceil(radius);
  const dots: Dot[] = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      let inside = 0;
      for (let k = 0; k < 16; k++) {
        const x = dx + ((k % 4) - 1.5) / 4;
        const y = dy + (Math.floor(k / 4) - 1.5) / 4;
        if (x * x + y * y <= radius * radius) inside++;
      }
      if (inside) dots.push({ dx, dy, weight: inside / 16 });
    }
  }
  return dots;
}

function rgb(colour: string): [number, number, number] {
  const hex = colour.replace('#', '');
  const full = hex.length === 3 ? [...hex].map((c) => c + c).join('') : hex;
  const n = parseInt(full, 16);
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255];
}
