// Keeps one chart's data in step with the stream: no point missed, none twice.
//
// `seq` counts the points the chart ever received. Frames that arrive while /data is fetched wait; what
// the answer already holds is dropped, what follows is applied. A frame that begins after where we are
// means that something was missed, and /data is fetched again. A frame that begins before, because /data
// fell between two frames, overlaps, and only its newer part is applied.
import type { Chart, ChartData, Frame, Histogram, Points } from './api';
import type { Span } from './model';
import { SeriesSet } from './series';

const kQueueMax = 200;

export class ChartFeed {
  readonly series = new SeriesSet();
  histogram: Histogram | null = null;
  seq: number | null = null; // null: nothing loaded yet
  latest = 0; // the newest seq heard of, also while paused
  received = 0;
  drawn = 0;
  arrivedAt: number | null = null; // when the newest point arrived, by the daemon's clock
  version = 0; // grows with each change of data
  shape = 0; // grows when series come, go or change slot
  private frozen = false;
  private frozenAt: number | null = null; // the seq when the viewer paused

  private queue: Frame[] = [];
  private loading = false;
  private again = false;

  constructor(
    public chart: Chart,
    private fetchData: (chart: Chart) => Promise<ChartData>,
    private now: () => number,
    private loaded: () => void, // after a load and after new series
  ) {}

  // Fetches the history; a failure leaves what is there, for the connection to be mended first.
  async load(): Promise<void> {
    if (this.loading) {
      this.again = true;
      return;
    }
    this.loading = true;
    try {
      do {
        this.again = false;
        const data = await this.fetchData(this.chart);
        if (!this.again) this.take(data);
      } while (this.again);
    } catch {
      this.again = false;
    } finally {
      this.loading = false;
    }
    this.drain();
  }

  frame(frame: Frame): void {
    // Numbers go on from where we are unless the chart is another one, of a pipeline that was loaded anew
    // (or this frame was on its way when /data was answered, and is in that).
    if (!this.loading && this.seq !== null && frame.seq < this.seq) {
      this.latest = frame.seq;
      if (!this.frozen) void this.load();
      return;
    }
    this.latest = Math.max(this.latest, frame.seq);
    if (this.frozen && this.seq !== null && !this.loading) return;
    this.queue.push(frame);
    if (this.queue.length > kQueueMax) this.queue.shift();
    if (!this.loading) this.drain();
  }

  // While frozen the picture and its points stay as they are; only `latest` moves.
  freeze(on: boolean): void {
    this.frozen = on;
    this.frozenAt = on ? this.seq : null;
  }

  // What waits while frozen.
  waiting(): number {
    return this.frozen && this.frozenAt !== null ? Math.max(0, this.latest - this.frozenAt) : 0;
  }

  // Forgets what is older than the history that the daemon keeps.
  trim(now: number): void {
    if (this.frozen) return;
    const from = this.past() ? -Infinity : now - this.chart.history_ms;
    const timed = this.chart.kind !== 'histogram' && this.chart.x_is_time;
    if (timed && this.series.trimTime(from)) {
      this.version++;
      this.shape++;
    }
    if (this.chart.kind === 'scatter' || (this.chart.kind === 'line' && !timed)) this.series.trimCount();
    this.drawn = this.series.count();
  }

  private take(data: ChartData): void {
    this.series.replace(data.series ?? [], this.chart.x_is_time);
    this.histogram = data.histogram ?? null;
    this.seq = data.seq;
    this.latest = Math.max(this.latest, data.seq);
    if (this.frozen && this.frozenAt === null) this.frozenAt = data.seq;
    this.received = data.received;
    this.drawn = this.series.count();
    const last = this.lastX();
    if (last !== null && this.chart.x_is_time) {
      const due = last + (this.chart.expected_ms ?? 0);
      this.arrivedAt = Math.max(this.arrivedAt ?? 0, this.past() ? this.now() : Math.min(due, this.now()));
    }
    this.version++;
    this.shape++;
    this.loaded();
  }

  private drain(): void {
    if (this.seq === null) return;
    const frames = this.queue;
    this.queue = [];
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!;
      if (frame.seq <= this.seq) continue;
      if (this.frozen) {
        this.latest = Math.max(this.latest, frame.seq);
        continue;
      }
      if (frame.histogram !== undefined) {
        this.histogram = frame.histogram;
        this.advance(frame);
      } else if (frame.from === this.seq) {
        this.apply(frame, frame.series ?? []);
      } else if (frame.from < this.seq) {
        this.apply(frame, this.newer(frame, this.seq));
      } else {
        this.queue = frames.slice(i);
        void this.load();
        return;
      }
    }
  }

  private apply(frame: Frame, points: Points[]): void {
    const grew = this.series.add(points, this.chart.x_is_time);
    if (grew) this.shape++;
    this.advance(frame);
    if (grew) this.loaded();
  }

  private advance(frame: Frame): void {
    this.received += frame.seq - Math.max(frame.from, this.seq ?? 0);
    this.seq = frame.seq;
    this.arrivedAt = this.now();
    this.drawn = this.series.count();
    this.version++;
  }

  // The part of a frame that is after point number `seq`. Exact for one series; with several, for which
  // the frame does not tell the common order, time tells, or else the same share of each.
  private newer(frame: Frame, seq: number): Points[] {
    const points = frame.series ?? [];
    const total = frame.seq - frame.from;
    const whole = points.length === 1 && points[0]!.x.length === total;
    if (whole || !this.chart.x_is_time) {
      const share = (seq - frame.from) / total;
      return points.map((p) => {
        const skip = Math.round(share * p.x.length);
        return { ...p, x: p.x.slice(skip), y: p.y.slice(skip) };
      });
    }
    return points.map((p) => {
      const held = this.series.list.find((s) => s.name === p.name);
      const last = held && held.x.length ? held.x[held.x.length - 1]! : -Infinity;
      const kept = p.x.map((_, i) => i).filter((i) => p.x[i]! > last);
      return { ...p, x: kept.map((i) => p.x[i]!), y: kept.map((i) => p.y[i] ?? null) };
    });
  }

  lastX(): number | null {
    let last: number | null = null;
    for (const s of this.series.list) {
      const x = s.x[s.x.length - 1];
      if (x !== undefined && (last === null || x > last)) last = x;
    }
    return last;
  }

  // From where to where the points reach when all of them are older than the history: records of
  // another time. The daemon's history counts from arrival, so they stay.
  past(): Span | null {
    const to = this.chart.x_is_time ? this.lastX() : null;
    if (to === null || to >= this.now() - this.chart.history_ms) return null;
    const from = Math.min(...this.series.list.map((s) => s.x[0] ?? to));
    return from < to ? { from, to } : { from: to - this.chart.history_ms, to };
  }

  // The first point of a chart that shows the present.
  firstX(): number | null {
    if (!this.chart.x_is_time || this.isEmpty() || this.past()) return null;
    return Math.min(...this.series.list.map((s) => s.x[0] ?? Infinity));
  }

  isEmpty(): boolean {
    return this.histogram === null && this.series.count() === 0;
  }
}
