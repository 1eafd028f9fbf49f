// A daemon for development: serves dist/ and invented data that moves, in every state there is.
//   node mock/server.mjs [PORT]
// The browser tests import startMock and play with what it returns.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const kCsp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const kTypes = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const dist = fileURLToPath(new URL('../dist/', import.meta.url));

// Numbers that look random and are the same in each run.
function randomFrom(seed) {
  let state = seed;
  const uniform = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
  const normal = () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

const round = (value, digits) => Number(value.toFixed(digits));

const kPast = Date.UTC(2021, 2, 14, 12);

class Series {
  constructor(name, slot) {
    this.name = name;
    this.slot = slot;
    this.x = [];
    this.y = [];
  }
}

// One chart with all of its points; `every` is the distance of two points.
class MockChart {
  constructor(info, { every = 1000, keys = [], make, still = false, startAt = 0 }) {
    const ends = { unit: null, subtitle: null, x: 'time', x_is_time: true, y: ['value'], by: ['device'], range: null,
      history_ms: 900000, expected_ms: every, next_at: null };
    this.info = { ...ends, ...info };
    this.every = every;
    this.make = make;
    this.still = still;
    this.startAt = startAt;
    this.series = keys.map((name, i) => new Series(name, i < 8 ? i + 1 : 0));
    this.seq = 0;
    this.dropped = 0;
    this.values = [];
    this.boundaries = [];
  }

  // The points of one moment, kept and returned.
  add(now) {
    const out = [];
    this.series.forEach((s, i) => {
      for (const [x, y] of this.make(now, i, s)) {
        s.x.push(x);
        s.y.push(y);
        this.seq++;
        if (this.info.kind === 'scatter' && s.x.length > 10000) {
          s.x.shift();
          s.y.shift();
        }
        out.push({ name: s.name, slot: s.slot, x: [x], y: [y] });
      }
    });
    return out;
  }

  histogram() {
    const values = this.series[0].y.slice().sort((a, b) => a - b);
    if (!values.length) return null;
    const width = 2;
    const start = 40;
    const counts = new Array(25).fill(0);
    let below = 0;
    let above = 0;
    for (const v of values) {
      const i = Math.floor((v - start) / width);
      if (i < 0) below++;
      else if (i >= counts.length) above++;
      else counts[i]++;
    }
    const at = (q) => round(values[Math.floor(q * (values.length - 1))], 2);
    return { start, width, counts, below, above, n: values.length, p5: at(0.05), p50: at(0.5), p95: at(0.95) };
  }

  data(from, to, px) {
    const answer = { id: this.info.id, seq: this.seq, now: Date.now(), received: this.seq, drawn: 0 };
    if (this.info.kind === 'histogram') return { ...answer, drawn: this.seq, histogram: this.histogram() };
    answer.series = this.series.map((s) => {
      const points = this.info.x_is_time ? s.x.map((x, i) => [x, s.y[i]]).filter(([x]) => x >= from && x <= to) : s.x.map((x, i) => [x, s.y[i]]);
      const kept = this.info.x_is_time ? reduce(points, from, to, px) : points;
      answer.drawn += kept.length;
      return { name: s.name, slot: s.slot, x: kept.map((p) => p[0]), y: kept.map((p) => p[1]) };
    }).filter((s) => s.x.length);
    return answer;
  }
}

// The minimum and the maximum of each of px columns.
function reduce(points, from, to, px) {
  if (points.length <= 2 * px) return points;
  const first = Math.max(from, points[0][0]);
  const span = Math.min(to, points[points.length - 1][0]) - first || 1;
  const columns = new Map();
  for (const p of points) {
    const column = Math.floor(((p[0] - first) / span) * px);
    const both = columns.get(column);
    if (!both) columns.set(column, [p, p]);
    else {
      if (p[1] < both[0][1]) both[0] = p;
      if (p[1] > both[1][1]) both[1] = p;
    }
  }
  return [...columns.values()].flatMap(([a, b]) => (a === b ? [a] : a[0] < b[0] ? [a, b] : [b, a]));
}

function invent(now, historyMs) {
  const { uniform, normal } = randomFrom(7);
  const walk = new Map();
  const wander = (key, start, step, pull) => {
    const value = (walk.get(key) ?? start) + normal() * step;
    walk.set(key, value + (start - value) * pull);
    return walk.get(key);
  };
  const bays = ['bay A', 'bay B', 'bay C', 'bay D', 'bay E'];
  const charts = [
    new MockChart({ id: 'greenhouse.main.2', pipeline: 'greenhouse', kind: 'line', title: 'Air temperature', subtitle: '2 s mean, by bay', unit: '°C', x: 'window_start', by: ['bay'] },
      { every: 2000, keys: bays, make: (t, i) => {
        const gone = i === 2 && t % 400000 > 300000 && t % 400000 < 345000;
        const y = wander(`bay${i}`, [28.4, 26.5, 24.8, 23.4, 21.5][i], 0.09, 0.004) + Math.sin(t / 180000 + i) * 0.6;
        return gone ? [] : [[t - 2000, round(y, 1)]];
      } }),
    new MockChart({ id: 'compressors.main.1', pipeline: 'compressors', kind: 'scatter', title: 'Compressors', subtitle: 'score', x: 'vibration', x_is_time: false, y: ['score'], by: [] },
      { every: 100, keys: ['score'], make: () => Array.from({ length: 12 }, () => {
        const x = uniform() < 0.55 ? 2 + normal() * 0.55 : 3.8 + normal() * 0.9;
        return [round(Math.max(0.1, x), 3), round(Math.max(0, 0.085 * x + Math.abs(normal()) * 0.06 * Math.sqrt(Math.max(0.2, x)) - 0.02), 3)];
      }) }),
    new MockChart({ id: 'humidity.main.1', pipeline: 'humidity', kind: 'histogram', title: 'Relative humidity', subtitle: 'last 15 min', unit: '%', x: 'humidity', x_is_time: false, by: [] },
      { every: 250, keys: ['humidity'], make: (t) => Array.from({ length: 4 }, () => [t, round(uniform() < 0.6 ? 64 + normal() * 6 : 77 + normal() * 5, 1)]) }),
    new MockChart({ id: 'trucks.main.1', pipeline: 'trucks', kind: 'line', title: 'Truck cargo', subtitle: '5 s mean', unit: '°C', by: ['truck'] },
      { every: 5000, keys: ['T-104', 'T-118', 'T-221'], still: 'now', make: (t, i) => [[t - 5000, round(wander(`t${i}`, [-19.8, -18.6, -20.9][i], 0.12, 0.01), 1)]] }),
    new MockChart({ id: 'meters.main.1', pipeline: 'meters', kind: 'line', title: 'Power', subtitle: 'by meter', unit: 'kW', by: ['meter'] },
      { every: 1000, keys: Array.from({ length: 24 }, (_, i) => `meter ${String(i + 1).padStart(2, '0')}`), make: (t, i) => [[t, round(Math.max(0, wander(`m${i}`, 6 + ((i * 7) % 24), 0.5, 0.01)), 2)]] }),
    new MockChart({ id: 'irrigation.main.1', pipeline: 'irrigation', kind: 'line', title: 'Irrigation', subtitle: 'by line', unit: 'L/min', by: ['line'] },
      { every: 2000, keys: ['north line', 'south line'], still: 'now', make: (t, i) => [[t, Math.floor(t / 60000 + i * 2) % 5 < 2 ? round([18.4, 12.8][i] + normal() * 0.1, 1) : 0]] }),
    new MockChart({ id: 'frost-watch.main.2', pipeline: 'frost-watch', kind: 'line', title: 'Soil moisture', subtitle: 'mean per 5 min', unit: '%', next_at: now + 90000 },
      { every: 300000, keys: ['field'], still: 'always', make: () => [] }),
    new MockChart({ id: 'vibration.main.1', pipeline: 'vibration', kind: 'line', title: 'Vibration', subtitle: 'raw', unit: 'mm/s', by: [] },
      { every: 100, keys: ['vibration'], make: (t) => Array.from({ length: 5 }, (_, k) => [t - 80 + 20 * k, round(Math.abs(wander('v', 2.4, 0.2, 0.02) + normal() * 0.3), 2)]) }),
  ];
  const past = new MockChart({ id: 'replay.main.1', pipeline: 'replay', kind: 'line', title: 'Boiler', subtitle: 'from a file', unit: '°C', by: [] },
    { every: 2000, keys: ['boiler'], still: 'always', make: (t) => [[t, round(wander('boiler', 61, 0.4, 0.01), 1)]] });
  for (let t = kPast - 800000; t <= kPast; t += 2000) past.add(t);
  charts.push(past);
  for (const chart of charts) {
    const until = chart.still === 'now' ? now - 75000 : now;
    const length = chart.info.kind === 'scatter' ? Math.min(70000, historyMs) : historyMs;
    if (chart.still !== 'always') for (let t = Math.ceil((now - length) / chart.every) * chart.every; t <= until; t += chart.every) chart.add(t);
  }
  return charts;
}

function pipelineList(now, started, charts) {
  const ledger = (read, parts = {}) => {
    const zero = { created: 0, copied: 0, written: 0, filtered: 0, absorbed: 0, late: 0, dropped: 0, failed: 0, unused: 0, held: 0, queued: 0 };
    const rest = { ...zero, ...parts };
    const used = rest.written + rest.filtered + rest.late + rest.dropped + rest.failed + rest.held + rest.queued - rest.created;
    return { in: read, ...rest, absorbed: read - used, messages: read, undecodable: 0, balanced: true };
  };
  const source = (kind, address, more = {}) => ({ id: 'main', stream: 'main', kind, address, state: 'up', reason: null, since: started, retry_at: null, messages: 0, undecodable: 0, rate: 0, ...more });
  const sink = (kind, address, more = {}) => ({ id: 'main.3', stream: 'main', kind, address, state: 'up', reason: null, since: started, written: 0, failed: 0, dropped: 0, queued: 0, queued_bytes: 0, ...more });
  const run = Math.floor((now - started) / 1000);
  const make = (name, rate, sources, sinks, read, parts, more = {}) => ({
    name, state: 'running', reason: null, delivery: 'at_least_once', rate, rate_out: rate / 10, ledger: ledger(read, parts), sources, sinks,
    steps: [], errors: [], charts: charts.filter((c) => c.info.pipeline === name).map((c) => c.info.id), ...more });
  const retry = now + 3000 - (now % 3000);
  return [
    make('compressors', 8190 + (run % 7) * 12, [source('mqtt', 'mqtt://localhost:1883/site/+/compressor/#', { rate: 8190 })], [sink('file', 'scores.ndjson', { written: 2983000000 })], 3690000000 + run * 8190, { written: 2983000000 }, { delivery: 'at_most_once' }),
    make('frost-watch', 0, [source('mqtt', 'mqtt://localhost:1883/site/+/soil', { since: now - 12000 })], [], 0, {}),
    make('greenhouse', 1240, [source('mqtt', 'mqtt://localhost:1883/site/+/temp', { rate: 1240 })], [sink('mqtt', 'mqtt://localhost:1883/mean/{bay}', { written: 18200 + run }), sink('file', 'late.ndjson', { id: 'main.4', written: 1204 })], 1240000 + run * 1240, { created: 18200 + run, written: 19404 + run, late: 1204, failed: 31 },
      { errors: [{ at: now - 61000, step: 'main.1', reason: '“temperature” is text, “filter” needs a number', sample: '{"bay":"C","temperature":"n/a","time":"2026-01-01T12:03:10Z"}', count: 28 }, { at: now - 340000, step: 'main.2', reason: 'the time is 3 h in the future', sample: '{"bay":"A","temperature":21.4,"time":"2026-01-01T15:03:10Z"}', count: 3 }] }),
    make('humidity', 16, [source('redis', 'redis://localhost:6379/humidity', { rate: 16 })], [sink('redis', 'redis://localhost:6379/summary', { written: 512, queued: 840, queued_bytes: 91000, state: 'up' })], 36120 + run * 16, { written: 512, created: 512, queued: 840 }, { state: 'degraded', reason: 'redis slow, queue 84 %' }),
    make('irrigation', 0, [source('mqtt', 'mqtt://10.0.4.2:1883/irrigation/#', { state: 'down', reason: 'connection refused', since: now - 75000, retry_at: retry })], [sink('file', 'irrigation.ndjson', { written: 900 })], 900, { written: 900 }, { state: 'degraded', reason: 'mqtt://10.0.4.2:1883 refuses the connection' }),
    make('leaf-wetness', 0, [], [], 0, {}, { state: 'stopped', reason: 'stopped by intent' }),
    make('meters', 24, [source('http', 'https://meters.example/api/now', { rate: 24 })], [sink('sql', 'sqlite:meters.db', { written: 88000 })], 88000 + run * 24, { written: 88000 }),
    make('replay', 0, [source('file', 'boiler-2021.csv', { state: 'ended', since: now - 600000 })], [], 401, {}),
    make('trucks', 0, [source('websocket', 'wss://trucks.example/positions', { state: 'silent', reason: 'no message for 75 s', since: now - 75000 })], [], 5400, {}, { state: 'degraded', reason: 'no message for 75 s' }),
    make('vibration', 50, [source('generate', 'generate:vibration', { rate: 50 })], [], 45000 + run * 50, {}),
  ];
}

export async function startMock({ port = 0, historyMs = 900000 } = {}) {
  const started = Date.now() - 367000000;
  const charts = invent(Date.now(), historyMs);
  const streams = new Set();
  const state = { away: false, reload: { ok: true, at: started, error: null }, pipelines: null, charts: null };
  const shown = () => state.charts ?? charts;
  const status = () => {
    const now = Date.now();
    return { host: 'gw-nantes-02', version: '0.1.0', started, now, reload: state.reload, pipelines: state.pipelines ?? pipelineList(now, started, charts) };
  };
  const send = (event, body) => {
    for (const stream of streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(body)}\n\n`);
  };

  const server = createServer((request, response) => {
    if (state.away) return request.socket.destroy();
    const url = new URL(request.url, 'http://mock');
    const json = (body, code = 200) => {
      response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    if (url.pathname === '/api/v1/pipelines') return json(status());
    if (url.pathname === '/api/v1/charts') return json({ charts: shown().map((c) => c.info) });
    const data = /^\/api\/v1\/charts\/([^/]+)\/data$/.exec(url.pathname);
    if (data) {
      const chart = shown().find((c) => c.info.id === decodeURIComponent(data[1]));
      const ask = (name, otherwise) => Number(url.searchParams.get(name) ?? otherwise);
      return chart ? json(chart.data(ask('from', 0), ask('to', Infinity), ask('px', 800))) : json({ error: 'no such chart' }, 404);
    }
    if (url.pathname === '/api/v1/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(`event: status\ndata: ${JSON.stringify(status())}\n\n`);
      streams.add(response);
      request.on('close', () => streams.delete(response));
      return undefined;
    }
    const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
    if (!/^[a-z.]+$/.test(name) || !existsSync(dist + name)) return json({ error: 'not found' }, 404);
    response.writeHead(200, { 'content-type': kTypes[extname(name)] ?? 'text/plain', 'content-security-policy': kCsp, 'x-content-type-options': 'nosniff' });
    return response.end(readFileSync(dist + name));
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));

  const next = new Map();
  const turn = setInterval(() => {
    const now = Date.now();
    const frames = {};
    for (const chart of charts) {
      if (chart.still) continue;
      let at = next.get(chart) ?? Math.ceil(now / chart.every) * chart.every;
      const from = chart.seq;
      const points = [];
      for (; at <= now; at += chart.every) points.push(...chart.add(at));
      next.set(chart, at);
      if (chart.seq === from) continue;
      const byName = new Map();
      for (const p of points) {
        const held = byName.get(p.name);
        if (held) {
          held.x.push(...p.x);
          held.y.push(...p.y);
        } else byName.set(p.name, p);
      }
      frames[chart.info.id] = chart.info.kind === 'histogram'
        ? { from, seq: chart.seq, histogram: chart.histogram() }
        : { from, seq: chart.seq, series: [...byName.values()] };
    }
    if (Object.keys(frames).length) send('charts', { now, charts: frames });
  }, 100);
  const second = setInterval(() => send('status', status()), 1000);

  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    charts,
    state,
    // Drops every connection and refuses new ones until `back`.
    leave() {
      state.away = true;
      server.closeAllConnections();
    },
    back() {
      state.away = false;
    },
    reload(body) {
      state.reload = { ok: body.ok, at: body.at, error: body.error };
      send('reload', body);
      send('status', status());
    },
    sendStatus: () => send('status', status()),
    close() {
      clearInterval(turn);
      clearInterval(second);
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.argv[2] ?? 8080) });
  console.log(mock.url);
}
