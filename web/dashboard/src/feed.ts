// The connection to the daemon: loads everything, then follows the stream; on loss tries again and
// fills in what was missed.
import * as api from './api';
import type { Chart, Frames, Reload, Status } from './api';
import { ChartFeed } from './chart_feed';
import { Value } from './value';
import * as model from './model';
import { change, view } from './view';
import { words } from './words';

const kRetryFirstMs = 1000;
const kRetryMaxMs = 8000;
const kHiddenMs = 30000; // a tab hidden this long gives its connection back
const kSilentMs = 15000; // the daemon speaks every second; longer silence is a dead connection

export const feeds = new Value<ChartFeed[]>([]);

let stream: EventSource | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;
let wait = kRetryFirstMs;
let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
let heardAt = Date.now();
const widths = new Map<string, number>();

export function start(): void {
  connect();
  setInterval(() => {
    if (stream && model.link.get().state === 'open' && Date.now() - heardAt > kSilentMs) lose();
    for (const feed of feeds.get()) feed.trim(model.daemonNow());
    findEarliest();
  }, 1000);

  let last = view.get();
  view.watch((next) => {
    const changed = next.range !== last.range || next.zoom !== last.zoom || next.pausedAt !== last.pausedAt;
    const paused = next.pausedAt !== last.pausedAt;
    last = next;
    if (paused) for (const feed of feeds.get()) feed.freeze(next.pausedAt !== null);
    // Pausing keeps the picture; all else needs other points.
    if (changed && !(paused && next.pausedAt !== null && Math.abs(model.daemonNow() - next.pausedAt) < 100)) loadAll();
  });

  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) {
      hiddenTimer = setTimeout(() => {
        stream?.close();
        stream = null;
      }, kHiddenMs);
    } else if (!stream) {
      tryNow();
    }
  });
}

export function pause(on: boolean): void {
  change({ pausedAt: on ? Math.round(model.daemonNow()) : null });
  model.say(on ? words.saysPaused : words.saysResumed);
}

export function tryNow(): void {
  clearTimeout(retry);
  connect();
}

// The width of a chart's plot, to ask for as many points as it can show.
export function setWidth(id: string, px: number): void {
  const before = widths.get(id);
  widths.set(id, px);
  if (before !== undefined && px > before * 1.5) feeds.get().find((f) => f.chart.id === id)?.load();
}

function connect(): void {
  stream?.close();
  const link = model.link.get();
  if (link.state === 'lost') model.link.set({ ...link, retryAt: null });
  const source = new EventSource(api.streamPath);
  stream = source;
  source.addEventListener('open', () => {
    heardAt = Date.now();
    void loadEverything(source);
  });
  source.addEventListener('error', () => {
    if (stream === source) lose();
  });
  source.addEventListener('status', (event) => {
    heardAt = Date.now();
    takeStatus(JSON.parse((event as MessageEvent<string>).data) as Status);
  });
  source.addEventListener('charts', (event) => {
    heardAt = Date.now();
    const frames = JSON.parse((event as MessageEvent<string>).data) as Frames;
    model.setDaemonNow(frames.now);
    for (const feed of feeds.get()) {
      const frame = frames.charts[feed.chart.id];
      if (frame) feed.frame(frame);
    }
  });
  source.addEventListener('reload', (event) => {
    const reload = JSON.parse((event as MessageEvent<string>).data) as Reload;
    takeReload(reload);
    if (reload.charts_changed) void loadCharts();
  });
}

async function loadEverything(source: EventSource): Promise<void> {
  try {
    const [status] = await Promise.all([api.getStatus(), loadCharts()]);
    if (stream !== source) return;
    const wasLost = model.link.get().state === 'lost';
    takeStatus(status);
    wait = kRetryFirstMs;
    model.link.set({ state: 'open', since: Date.now(), retryAt: null });
    if (wasLost) model.say(words.saysBack);
  } catch {
    if (stream === source) lose();
  }
}

async function loadCharts(): Promise<void> {
  const list = await api.getCharts();
  const before = new Map(feeds.get().map((f) => [f.chart.id, f]));
  const next = list.map((chart) => {
    const old = before.get(chart.id);
    if (old && old.chart.kind === chart.kind) {
      old.chart = chart;
      return old;
    }
    const feed: ChartFeed = new ChartFeed(chart, fetchData, model.daemonNow, findEarliest);
    feed.freeze(view.get().pausedAt !== null);
    return feed;
  });
  model.charts.set(list);
  feeds.set(next);
  loadAll();
}

function loadAll(): void {
  for (const feed of feeds.get()) void feed.load();
}

function findEarliest(): void {
  const firsts = feeds.get().map((f) => f.firstX()).filter((x): x is number => x !== null);
  model.setEarliest(firsts.length ? Math.min(...firsts) : null);
}

async function fetchData(chart: Chart): Promise<api.ChartData> {
  const { zoom, pausedAt, range } = view.get();
  const from = zoom ? zoom[0] : (pausedAt ?? model.daemonNow()) - model.usableRange(range);
  const timed = chart.x_is_time && chart.kind === 'line';
  const until = zoom ? zoom[1] : pausedAt;
  const px = widths.get(chart.id) ?? 800;
  const data = await api.getData(chart.id, timed ? from : null, timed ? until : null, px);
  const nothing = timed && !zoom && data.seq > 0 && !data.series?.some((s) => s.x.length);
  return nothing ? api.getData(chart.id, null, null, px) : data; // records of another time
}

function takeStatus(next: Status): void {
  model.setDaemonNow(next.now);
  announce(model.status.get(), next);
  model.status.set(next);
  if (next.reload) takeReload(next.reload);
}

function takeReload(reload: Reload): void {
  const before = model.refused.get();
  if (reload.ok) {
    model.refused.set(null);
  } else if (!before || before.at !== reload.at) {
    model.refused.set(reload);
    model.say(words.saysReload);
  }
}

function lose(): void {
  stream?.close();
  stream = null;
  clearTimeout(retry);
  const link = model.link.get();
  if (link.state !== 'lost') model.say(words.saysLost);
  model.link.set({ state: 'lost', since: link.state === 'lost' ? link.since : model.daemonNow(), retryAt: Date.now() + wait });
  retry = setTimeout(connect, wait);
  wait = Math.min(kRetryMaxMs, wait * 2);
}

// Says which pipelines and connectors changed their state.
function announce(before: Status | null, after: Status): void {
  if (!before) return;
  const said: string[] = [];
  for (const pipeline of after.pipelines) {
    const old = before.pipelines.find((p) => p.name === pipeline.name);
    if (!old) continue;
    if (old.state !== pipeline.state) {
      said.push(words.saysPipeline(pipeline.name, words.pipelineState[pipeline.state], pipeline.reason ?? ''));
    }
    for (const connector of [...pipeline.sources, ...pipeline.sinks]) {
      const was = [...old.sources, ...old.sinks].find((c) => c.id === connector.id);
      if (was && was.state !== connector.state) {
        said.push(words.saysConnector(connector.address, words.connectorState[connector.state]));
      }
    }
  }
  if (said.length) model.say(said.join('. '));
}
