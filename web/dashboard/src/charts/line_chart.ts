// One line chart: uPlot draws series, axes and cursor; gaps, hatching and the other series are ours.
import uPlot from 'uplot';
import type { ChartFeed } from '../chart_feed';
import { dashes, palette, type Palette } from '../palette';
import { lowerBound, nearest, type Series } from '../series';
import { SteadyRange } from '../y_range';
import { ticks, timeTicks, type Ticks } from '../ticks';
import { fixed } from '../numbers';
import { dayMonth, hourMinute, hourMinuteSecond } from '../times';
import { cursor, shownSpan, daemonNow } from '../model';
import { change } from '../view';
import { words } from '../words';
import { align, gapOf, type Aligned } from './align';
import { gapEnds, hatch } from './marks';
import { textWidth } from './surface';

const kYSpace = 28;
const kTimeSpace = 64;
const kFontPx = 11;
const kRightPx = 14;

export interface LineState {
  hidden: string[];
  still: boolean;
  highlighted: string | null;
}

export class LineChart {
  private plot: uPlot | null = null;
  private built = '';
  private drawn = '';
  private shown: Series[] = []; // with a colour, as in the plot
  private behind: Series[] = []; // slate
  private rows: Aligned = { x: [], y: [] };
  private span = { from: 0, to: 1 };
  private yRange = new SteadyRange();
  private yTicks: Ticks = { values: [], step: 1, decimals: 0 };
  private hovered = false;
  private width = 0;
  private height = 0;
  private state: LineState = { hidden: [], still: false, highlighted: null };
  private endWatch: () => void;

  constructor(private host: HTMLElement, private feed: ChartFeed) {
    this.endWatch = cursor.watch(() => {
      if (!this.hovered) this.placeCursor();
    });
  }

  destroy(): void {
    this.endWatch();
    this.plot?.destroy();
  }

  resize(width: number, height: number): void {
    this.width = Math.floor(width);
    this.height = Math.floor(height);
  }

  plotWidth(): number {
    return this.plot ? this.plot.bbox.width / devicePixelRatio : Math.max(0, this.width - 60);
  }

  // The decimals of the axis; the legend shows at most one more.
  axisDecimals(): number {
    return this.yTicks.decimals;
  }

  draw(state: LineState): void {
    if (this.width < 80 || this.height < 60) return;
    this.state = state;
    const colours = palette.get();
    const key = [this.feed.shape, state.hidden.join('\n'), state.highlighted, colours.panel, colours.width, colours.font].join('|');
    if (key !== this.built) this.build(key, colours);
    this.takeSpan();
    const what = [key, this.feed.version, this.span.from, this.span.to, this.width, this.height, state.still].join('|');
    if (what === this.drawn && !this.yLoose()) return;
    this.drawn = what;
    this.fitY();
    const columnMs = (this.span.to - this.span.from) / Math.max(1, this.plotWidth());
    const gap = this.feed.chart.x_is_time ? gapOf(this.feed.chart.expected_ms, columnMs) : Infinity;
    this.rows = align(this.shown, this.span.from, this.span.to, gap);
    const plot = this.plot!;
    plot.batch(() => {
      if (plot.width !== this.width || plot.height !== this.height) plot.setSize({ width: this.width, height: this.height });
      plot.setData([this.rows.x, ...this.rows.y] as uPlot.AlignedData, false);
      plot.setScale('x', { min: this.span.from, max: this.span.to });
      plot.setScale('y', { min: this.yRange.min, max: this.yRange.max });
    });
    if (this.hovered) this.readCursor();
    else this.placeCursor();
  }

  private looseCheck = 0;
  private yLoose(): boolean {
    return ++this.looseCheck % 10 === 0; // look once a second whether the y range may shrink
  }

  // Time slides by whole pixels; other x fit their data.
  private takeSpan(): void {
    if (this.feed.chart.x_is_time) {
      const { from, to } = shownSpan(this.feed.past());
      const px = (to - from) / Math.max(1, this.plotWidth() * devicePixelRatio);
      const end = Math.floor(to / px) * px;
      this.span = { from: end - (to - from), to: end };
      return;
    }
    let low = Infinity;
    let high = -Infinity;
    for (const s of [...this.shown, ...this.behind]) {
      if (!s.x.length) continue;
      low = Math.min(low, s.x[0]!);
      high = Math.max(high, s.x[s.x.length - 1]!);
    }
    this.span = low < high ? { from: low, to: high } : { from: (Number.isFinite(low) ? low : 0) - 1, to: (Number.isFinite(low) ? low : 0) + 1 };
  }

  private fitY(): void {
    const fixedRange = this.feed.chart.range;
    if (fixedRange && fixedRange.length === 2) {
      this.yRange.min = fixedRange[0];
      this.yRange.max = fixedRange[1];
    } else {
      let low = Infinity;
      let high = -Infinity;
      for (const s of [...this.shown, ...this.behind]) {
        if (this.state.hidden.includes(s.name)) continue;
        const end = lowerBound(s.x, this.span.to + 1);
        for (let i = Math.max(0, lowerBound(s.x, this.span.from) - 1); i < end; i++) {
          const y = s.y[i];
          if (y === null || y === undefined) continue;
          if (y < low) low = y;
          if (y > high) high = y;
        }
      }
      this.yRange.fit(low, high, daemonNow());
    }
    const length = Math.max(40, this.height - 44);
    this.yTicks = ticks(this.yRange.min, this.yRange.max, length, kYSpace);
  }

  private build(key: string, colours: Palette): void {
    const hadHidden = this.built.split('|')[1];
    this.built = key;
    if (hadHidden !== undefined && hadHidden !== this.state.hidden.join('\n')) this.yRange.reset();
    this.drawn = '';
    this.plot?.destroy();
    const list = this.feed.series.list;
    const isFront = (s: Series) => s.slot > 0 || s.name === this.state.highlighted;
    this.shown = list.filter(isFront);
    this.behind = list.filter((s) => !isFront(s) && !this.state.hidden.includes(s.name));
    this.rows = { x: [], y: this.shown.map(() => []) };
    const font = `${kFontPx}px ${colours.font}`;
    const options: uPlot.Options = {
      width: this.width,
      height: this.height,
      ms: 1,
      pxAlign: 0,
      padding: [8, kRightPx, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, auto: false },
        y: { auto: false },
      },
      axes: [
        {
          font, stroke: colours.text3, size: 26, gap: 6,
          grid: { show: false }, ticks: { show: false },
          splits: () => this.xTicks().values,
          values: () => this.xLabels(font),
        },
        {
          font, stroke: colours.text3, gap: 8,
          grid: { stroke: colours.grid, width: 1 }, ticks: { show: false },
          size: (_plot, values) => 10 + Math.ceil(Math.max(16, ...(values ?? []).map((v) => textWidth(v, font)))),
          splits: () => this.yTicks.values,
          values: (_plot, splits) => splits.map((v) => fixed(v, this.yTicks.decimals)),
        },
      ],
      series: [
        {},
        ...this.shown.map((s) => ({
          label: s.name,
          show: !this.state.hidden.includes(s.name),
          stroke: colours.series[s.slot] ?? colours.series[0]!,
          width: colours.width,
          dash: dashes[s.slot] ?? [],
          points: { show: false },
        })),
      ],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { size: 7, width: 1.75, stroke: (_plot, i) => colours.series[this.shown[i - 1]?.slot ?? 0]!, fill: colours.panel },
        dataIdx: (_plot, series, closest) => this.nearestRow(series, closest),
        bind: {
          dblclick: () => () => {
            change({ zoom: null });
            return null;
          },
        },
      },
      hooks: {
        drawAxes: [(plot) => this.drawBehind(plot, colours)],
        draw: [(plot) => this.drawMarks(plot, colours)],
        setCursor: [() => this.hovered && this.readCursor()],
        setSelect: [(plot) => this.zoomTo(plot)],
      },
    };
    this.plot = new uPlot(options, [[], ...this.shown.map(() => [])] as unknown as uPlot.AlignedData, this.host);
    this.plot.over.addEventListener('pointerenter', () => (this.hovered = true));
    this.plot.over.addEventListener('pointerleave', () => {
      this.hovered = false;
      cursor.set(null);
    });
  }

  private xTicks(): Ticks {
    const { from, to } = this.span;
    const width = this.plotWidth();
    if (!this.feed.chart.x_is_time) return ticks(from, to, width, kTimeSpace);
    const found = timeTicks(from, to, width, kTimeSpace);
    return found.step < 60000 ? timeTicks(from, to, width, kTimeSpace + 16) : found;
  }

  // A label that would be cut at an edge is left out.
  private xLabels(font: string): string[] {
    const found = this.xTicks();
    const { from, to } = this.span;
    const width = this.plotWidth();
    return found.values.map((value) => {
      const text = this.feed.chart.x_is_time ? timeLabel(value, found.step) : fixed(value, found.decimals);
      const at = ((value - from) / (to - from)) * width;
      const half = textWidth(text, font) / 2;
      return at + half > width + kRightPx - 6 || at - half < -20 ? '' : text;
    });
  }

  // uPlot looks at one row for all series; each series takes its own nearest point.
  private nearestRow(series: number, closest: number): number {
    const column = this.rows.y[series - 1];
    if (series === 0 || !column || column[closest] !== undefined) return closest;
    for (let d = 1; d < 40; d++) {
      if (column[closest - d] !== undefined) return closest - d;
      if (column[closest + d] !== undefined) return closest + d;
    }
    return closest;
  }

  private drawBehind(plot: uPlot, colours: Palette): void {
    if (!this.behind.length) return;
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.globalAlpha = 0.4;
    ctx.strokeStyle = colours.series[0]!;
    ctx.lineWidth = devicePixelRatio;
    const sx = bbox.width / (this.span.to - this.span.from);
    const sy = bbox.height / (this.yRange.max - this.yRange.min);
    const gap = gapOf(this.feed.chart.expected_ms, (3 / sx) * devicePixelRatio);
    for (const s of this.behind) {
      ctx.beginPath();
      let pen = false;
      const end = Math.min(s.x.length, lowerBound(s.x, this.span.to) + 1);
      for (let i = Math.max(0, lowerBound(s.x, this.span.from) - 1); i < end; i++) {
        const y = s.y[i];
        if (y === null || y === undefined) {
          pen = false;
          continue;
        }
        if (pen && s.x[i]! - s.x[i - 1]! > gap) pen = false;
        const px = bbox.left + (s.x[i]! - this.span.from) * sx;
        const py = bbox.top + (this.yRange.max - y) * sy;
        if (pen) ctx.lineTo(px, py);
        else ctx.moveTo(px, py);
        pen = true;
      }
      ctx.stroke();
    }
    ctx.restore();
  }

  private drawMarks(plot: uPlot, colours: Palette): void {
    const { ctx, bbox } = plot;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top - 4 * scale, bbox.width + 4 * scale, bbox.height + 8 * scale);
    ctx.clip();
    this.shown.forEach((s, k) => {
      if (this.state.hidden.includes(s.name)) return;
      ctx.fillStyle = colours.series[s.slot] ?? colours.series[0]!;
      gapEnds(this.rows.y[k]!, (row) => {
        const x = this.rows.x[row]!;
        if (x < this.span.from || x > this.span.to) return;
        ctx.beginPath();
        ctx.arc(plot.valToPos(x, 'x', true), plot.valToPos(this.rows.y[k]![row]!, 'y', true), 2.5 * scale, 0, 7);
        ctx.fill();
      });
    });
    ctx.restore();
    this.drawStill(plot, colours);
  }

  private drawStill(plot: uPlot, colours: Palette): void {
    const last = this.feed.lastX();
    if (!this.state.still || last === null || !this.feed.chart.x_is_time) return;
    const { ctx, bbox } = plot;
    const scale = devicePixelRatio;
    const left = Math.max(bbox.left, plot.valToPos(last, 'x', true));
    const width = bbox.left + bbox.width - left;
    if (width < 2 * scale) return;
    hatch(ctx, left, bbox.top, width, bbox.height, colours.hatch, scale);
    const font = `${kFontPx * scale}px ${colours.font}`;
    ctx.save();
    ctx.font = font;
    const text = ctx.measureText(words.noData).width;
    if (width > text + 16 * scale) {
      const x = left + width / 2;
      const y = bbox.top + bbox.height / 2;
      ctx.fillStyle = colours.panel;
      ctx.fillRect(x - text / 2 - 6 * scale, y - 10 * scale, text + 12 * scale, 20 * scale);
      ctx.fillStyle = colours.text3;
      ctx.textAlign = 'center';
      ctx.textBaseline = 'middle';
      ctx.fillText(words.noData, x, y);
    }
    ctx.restore();
  }

  private readCursor(): void {
    const left = this.plot?.cursor.left ?? -10;
    if (!this.feed.chart.x_is_time || left < 0) return;
    cursor.set(Math.round(this.plot!.posToVal(left, 'x')));
  }

  private placeCursor(): void {
    if (!this.plot || !this.feed.chart.x_is_time) return;
    const at = cursor.get();
    const left = at === null || at < this.span.from || at > this.span.to ? -10 : this.plot.valToPos(at, 'x');
    if (left !== this.plot.cursor.left) this.plot.setCursor({ left, top: left < 0 ? -10 : 0 }, false);
  }

  private zoomTo(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width > 8 && this.feed.chart.x_is_time) {
      change({ zoom: [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')] });
    }
    if (width > 0) plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  // Moves the shared cursor by `steps` points of a series; the result is where it stands.
  step(series: Series | undefined, steps: number | 'first' | 'last'): { x: number; y: number | null } | null {
    if (!series || !series.x.length) return null;
    const first = lowerBound(series.x, this.span.from);
    const last = lowerBound(series.x, this.span.to + 1) - 1;
    if (last < first) return null;
    const now = cursor.get();
    let i = now === null ? last + (typeof steps === 'number' && steps < 0 ? 1 : 0) : nearest(series.x, now);
    i = steps === 'first' ? first : steps === 'last' ? last : i + steps;
    i = Math.min(last, Math.max(first, i));
    cursor.set(series.x[i]!);
    return { x: series.x[i]!, y: series.y[i] ?? null };
  }
}

export function timeLabel(ms: number, step: number): string {
  if (step < 60000) return hourMinuteSecond(ms);
  const text = hourMinute(ms);
  return step >= 86400000 || text === '00:00' ? dayMonth(ms) : text;
}
