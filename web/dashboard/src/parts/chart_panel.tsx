// One chart with its head, badge, legend or footer, and what a screen reader needs.
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ChartFeed } from '../chart_feed';
import { HistogramChart, valueDecimals } from '../charts/histogram_chart';
import { LineChart } from '../charts/line_chart';
import { ScatterChart } from '../charts/scatter_chart';
import { condition as conditionOf, reduction } from '../condition';
import { setWidth } from '../feed';
import type { Place } from '../layout';
import { addDrawable, drawSoon, type Drawable } from '../frames';
import { clock, cursor, daemonNow, link as linkValue, say, shownSpan, status as statusValue } from '../model';
import { decimalsOf, exact, fixed, withUnit } from '../numbers';
import { palette } from '../palette';
import { day, hourMinuteSecond } from '../times';
import { useValue } from '../value';
import { change, toggleSeries, view as viewValue } from '../view';
import { words } from '../words';
import { Badge } from './badge';
import { DataTable } from './data_table';
import { NoRecords } from './empty';
import { Legend, valueAt } from './legend';

type Plot = LineChart | HistogramChart | ScatterChart;

export function ChartPanel({ feed, place }: { feed: ChartFeed; place: Place }) {
  const { chart } = feed;
  const { span } = place;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const still = useRef(false);
  const [highlighted, highlight] = useState<string | null>(null);
  const highlightRef = useRef<string | null>(null);
  highlightRef.current = highlighted;
  const decimals = useRef(0);
  const [, redraw] = useState(0); // the words around the plot follow the data
  const status = useValue(statusValue);
  const link = useValue(linkValue);
  const view = useValue(viewValue);
  const at = useValue(cursor);
  useValue(clock);
  const [series, setSeries] = useState(0); // the one that arrow keys follow

  useLayoutEffect(() => {
    const element = host.current!;
    const made: Plot = chart.kind === 'line' ? new LineChart(element, feed)
      : chart.kind === 'histogram' ? new HistogramChart(element, feed) : new ScatterChart(element, feed);
    plot.current = made;
    const seen = { data: -1, top: -1 };
    const drawable: Drawable = {
      visible: true,
      draw: () => {
        if (made instanceof LineChart) {
          made.draw({ hidden: viewValue.get().hidden[chart.id] ?? [], still: still.current, highlighted: highlightRef.current });
        } else made.draw(daemonNow());
        const top = made instanceof ScatterChart ? Math.round(made.top) : 0;
        if (seen.data !== feed.version + feed.waiting() || seen.top !== top) {
          seen.data = feed.version + feed.waiting();
          seen.top = top;
          redraw((n) => n + 1);
        }
      },
    };
    const end = addDrawable(drawable);
    const sizes = new ResizeObserver(() => {
      made.resize(element.clientWidth, element.clientHeight);
      if (element.clientWidth > 0) setWidth(chart.id, Math.max(100, element.clientWidth - 60));
      drawSoon(drawable);
    });
    sizes.observe(element);
    const sights = new IntersectionObserver((entries) => {
      drawable.visible = entries[entries.length - 1]!.isIntersecting;
    });
    sights.observe(element);
    const endPalette = palette.watch(() => drawSoon(drawable));
    return () => {
      end();
      endPalette();
      sizes.disconnect();
      sights.disconnect();
      made.destroy();
    };
  }, [feed, chart.id, chart.kind]);

  const pipeline = status?.pipelines.find((p) => p.name === chart.pipeline);
  const now = daemonNow();
  const condition = conditionOf(feed, pipeline, link, view.pausedAt !== null, now);
  still.current = condition.still;
  const ratio = reduction(feed);
  const hidden = view.hidden[chart.id] ?? [];
  const empty = feed.seq !== null && feed.isEmpty();
  const side = span >= 8;
  const past = feed.past();
  const { from, to } = shownSpan(past);
  const near = Math.max(1.5 * (chart.expected_ms ?? 0), ((to - from) / 400) * 4);
  decimals.current = legendDecimals(feed, plot.current, decimals.current);
  const list = feed.series.list;
  const subtitle = [chart.unit, chart.subtitle, past && day(past.to)].filter(Boolean).join(' · ');
  const reducedTitle = ratio ? words.badgeReducedLong(exact(feed.drawn), exact(feed.received)) : '';
  const summary = useMemo(() => summarize(feed, decimals.current), [feed.version >> 3, feed]);

  const onKeyDown = (event: KeyboardEvent) => {
    const line = plot.current;
    if (event.target !== event.currentTarget || !(line instanceof LineChart) || !chart.x_is_time) return;
    const seen = list.filter((s) => !hidden.includes(s.name));
    let chosen = Math.min(series, Math.max(0, seen.length - 1));
    const many = event.shiftKey ? 10 : 1;
    let where: ReturnType<LineChart['step']> = null;
    switch (event.key) {
      case 'ArrowLeft': where = line.step(seen[chosen], -many); break;
      case 'ArrowRight': where = line.step(seen[chosen], many); break;
      case 'Home': where = line.step(seen[chosen], 'first'); break;
      case 'End': where = line.step(seen[chosen], 'last'); break;
      case 'ArrowUp':
      case 'ArrowDown':
        chosen = (chosen + (event.key === 'ArrowUp' ? seen.length - 1 : 1)) % Math.max(1, seen.length);
        setSeries(chosen);
        where = line.step(seen[chosen], 0);
        break;
      case 's':
        if (seen[chosen]) toggleSeries(chart.id, seen[chosen]!.name, list.map((s) => s.name), true);
        break;
      case '0': change({ zoom: null }); break;
      case 'Escape': cursor.set(null); return;
      default: return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (where) say(`${hourMinuteSecond(where.x)}, ${seen[chosen]!.name}, ${withUnit(fixed(where.y, decimals.current), chart.unit)}`);
  };

  return (
    <section class={`panel chart span-${span} ${place.height}`} data-chart={chart.id} data-kind={chart.kind} data-seq={feed.seq ?? undefined}>
      <div class="panel-head">
        <h2 title={chart.title}>{chart.title}</h2>
        {at !== null && !side && !empty && !past && chart.kind === 'line' && chart.x_is_time
          ? <span class="subtitle cursor-time">{hourMinuteSecond(at)}</span>
          : <span class="subtitle" title={subtitle}>{subtitle}</span>}
        <Badge condition={condition} reduced={ratio && words.badgeReduced(ratio)} reducedTitle={reducedTitle} />
      </div>
      <figure tabIndex={0} aria-label={`${words.chartName(chart.title, words.kind[chart.kind])}. ${summary}`}
        onKeyDown={onKeyDown} onBlur={() => cursor.set(null)} class={side && chart.kind === 'line' ? 'with-side' : ''}>
        <div class={`plot ${empty ? 'is-empty' : ''}`} ref={host} />
        {empty && <NoRecords chart={chart} pipeline={pipeline} now={now} />}
        {!empty && chart.kind === 'line' && (
          <Legend chart={chart.id} list={list} hidden={hidden} at={chart.x_is_time ? at : null} near={near} unit={chart.unit}
            decimals={decimals.current} side={side} onHighlight={highlight} />
        )}
        {!empty && chart.kind === 'histogram' && <HistogramFoot feed={feed} />}
        {!empty && chart.kind === 'scatter' && <ScatterFoot feed={feed} top={plot.current instanceof ScatterChart ? plot.current.top : 1} />}
        <DataTable feed={feed} decimals={decimals.current} />
      </figure>
    </section>
  );
}

function HistogramFoot({ feed }: { feed: ChartFeed }) {
  const h = feed.histogram;
  if (!h) return <div class="foot" />;
  return (
    <div class="foot">
      <span>{words.histogramN(exact(h.n))}</span>
      <span>{words.histogramBin(withUnit(fixed(h.width, decimalsOf(h.width, 9)), feed.chart.unit))}</span>
      {h.below > 0 && <span>{words.histogramBelow(exact(h.below))}</span>}
      {h.above > 0 && <span>{words.histogramAbove(exact(h.above))}</span>}
    </div>
  );
}

function ScatterFoot({ feed, top }: { feed: ChartFeed; top: number }) {
  const drawn = exact(feed.drawn);
  return (
    <div class="foot">
      {feed.drawn > 0 && <span class="ramp-scale">1<i class="ramp" />{exact(Math.max(2, Math.round(top)))}</span>}
      <span>{feed.received > feed.drawn ? words.nOfMany(drawn, exact(feed.received)) : words.nPoints(drawn)}</span>
    </div>
  );
}

// The decimals of the data, at most one more than the axis has; they only grow, so figures hold still.
function legendDecimals(feed: ChartFeed, plot: Plot | null, before: number): number {
  if (feed.histogram) return valueDecimals(feed.histogram);
  if (!(plot instanceof LineChart)) return Math.max(before, 2);
  const most = Math.min(6, plot.axisDecimals() + 1);
  let needed = Math.min(before, most);
  for (const s of feed.series.list) {
    const y = s.y[s.y.length - 1];
    if (y !== null && y !== undefined) needed = Math.max(needed, decimalsOf(y, most));
  }
  return needed;
}

function summarize(feed: ChartFeed, decimals: number): string {
  const h = feed.histogram;
  if (h) return words.summaryHistogram(exact(h.n), fixed(h.p5, decimals), fixed(h.p50, decimals), fixed(h.p95, decimals));
  if (feed.isEmpty()) return words.noRecordsYet;
  if (feed.chart.kind === 'scatter') return words.summaryScatter(exact(feed.received));
  const names = feed.series.list.slice(0, 8).map((s) => `${s.name} ${withUnit(fixed(valueAt(s, null, 0), decimals), feed.chart.unit)}`);
  return words.summaryLine(names.join(', '));
}
