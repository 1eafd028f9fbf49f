// The page's own logic without a browser: points in step with the stream, alignment, ticks, numbers.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import esbuild from '../../web/dashboard/node_modules/esbuild/lib/main.js';

const src = fileURLToPath(new URL('../../web/dashboard/src/', import.meta.url));
let lib;

before(async () => {
  // What a page has.
  globalThis.location = { hash: '', pathname: '/', search: '' };
  globalThis.window = { addEventListener() {} };
  const entry = ['chart_feed', 'series', 'view', 'charts/align', 'charts/marks', 'ticks', 'numbers', 'y_range'].map((name) => `export * from './${name}';`).join('\n');
  const { outputFiles } = await esbuild.build({
    stdin: { contents: entry, resolveDir: src, loader: 'ts' }, bundle: true, write: false, format: 'esm', target: 'es2020',
  });
  lib = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
});

const chart = { id: 'p.main.1', kind: 'line', x_is_time: true, history_ms: 1e6, expected_ms: 1, range: null };
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const frame = (from, seq) => ({ from, seq, series: [{ name: 'a', slot: 1, x: range(from, seq), y: range(from, seq) }] });
const data = (seq) => ({ id: chart.id, seq, now: 0, received: seq, drawn: seq, series: [{ name: 'a', slot: 1, x: range(0, seq), y: range(0, seq) }] });
const held = (feed) => feed.series.list[0]?.x ?? [];

// A feed whose fetches are answered by hand.
function feedWith() {
  const asked = [];
  const feed = new lib.ChartFeed(chart, () => new Promise((resolve, reject) => asked.push({ resolve, reject })), () => 0, () => {});
  const answer = async (body) => {
    asked.shift().resolve(body);
    await new Promise(setImmediate);
  };
  return { feed, asked, answer };
}

test('frames that come while the history loads are neither lost nor doubled', async () => {
  const { feed, answer } = feedWith();
  feed.load();
  feed.frame(frame(0, 5));
  feed.frame(frame(5, 8));
  feed.frame(frame(8, 9));
  await answer(data(8));
  assert.deepEqual(held(feed), range(0, 9));
});

test('a frame after a hole makes the history load again', async () => {
  const { feed, asked, answer } = feedWith();
  feed.load();
  await answer(data(5));
  feed.frame(frame(7, 9));
  assert.equal(asked.length, 1);
  feed.frame(frame(9, 10));
  await answer(data(9));
  assert.deepEqual(held(feed), range(0, 10));
});

test('of a frame that overlaps the history only the newer part is added', async () => {
  const { feed, asked, answer } = feedWith();
  feed.load();
  await answer(data(5));
  feed.frame(frame(3, 7));
  assert.equal(asked.length, 0);
  assert.deepEqual(held(feed), range(0, 7));
  feed.frame({ from: 6, seq: 10, series: [{ name: 'a', slot: 1, x: [6, 8], y: [6, 8] }, { name: 'b', slot: 2, x: [7, 9], y: [7, 9] }] });
  assert.deepEqual(held(feed), [...range(0, 7), 8]);
  assert.deepEqual(feed.series.list[1].x, [7, 9]);
});

test('another chart of the same id, which counts from its own start, is loaded', async () => {
  const { feed, asked, answer } = feedWith();
  feed.load();
  await answer(data(500));
  feed.frame(frame(0, 3));
  assert.equal(asked.length, 1);
  await answer(data(3));
  feed.frame(frame(3, 5));
  assert.deepEqual(held(feed), range(0, 5));
  assert.equal(asked.length, 0);
  assert.equal(feed.waiting(), 0);
});

test('series whose last point is older than the history are forgotten', async () => {
  const { feed, answer } = feedWith();
  feed.load();
  await answer({ ...data(5), series: [
    { name: 'old', slot: 1, x: [1, 2], y: [1, 2] }, { name: 'now', slot: 2, x: [1, 2e6], y: [1, 2] }] });
  const { version } = feed;
  feed.trim(2e6);
  assert.deepEqual(feed.series.list.map((s) => s.name), ['now']);
  assert.notEqual(feed.version, version);
  feed.frame({ from: 5, seq: 6, series: [{ name: 'old', slot: 1, x: [2e6], y: [3] }] });
  assert.deepEqual(feed.series.list.map((s) => s.name), ['now', 'old']);
});

test('a link that was cut or edited is read as far as it goes', () => {
  assert.deepEqual(lib.parse('#hide.x=%25zz,a%252Cb&tz=utc').hidden, { x: ['a,b'] });
  assert.equal(lib.parse('#hide.x=%25zz&tz=utc').utc, true);
});

test('while frozen nothing is added, and what waits is counted', async () => {
  const { feed, answer } = feedWith();
  feed.load();
  await answer(data(5));
  feed.freeze(true);
  feed.frame(frame(5, 9));
  assert.deepEqual(held(feed), range(0, 5));
  assert.equal(feed.waiting(), 4);
  feed.freeze(false);
  feed.load();
  await answer(data(9));
  assert.deepEqual(held(feed), range(0, 9));
  assert.equal(feed.waiting(), 0);
});

test('a failed load keeps what is there', async () => {
  const { feed, asked, answer } = feedWith();
  feed.load();
  await answer(data(5));
  feed.load();
  asked.shift().reject(new Error('gone'));
  await new Promise(setImmediate);
  assert.deepEqual(held(feed), range(0, 5));
});

test('memory stays bounded over a simulated day, and peaks stay', () => {
  const set = new lib.SeriesSet();
  const kDay = 86400000;
  for (let t = 0; t < kDay; t += 20000) {
    const x = Array.from({ length: 200 }, (_, i) => t + i * 100);
    set.add([{ name: 'a', slot: 1, x, y: x.map((v) => (v % 600000 === 0 ? 99 : v % 7)) }], true);
    set.trimTime(t - 900000);
  }
  assert.ok(set.count() < 9500, `${set.count()} points`);
  assert.ok(set.list[0].y.includes(99));
  assert.ok(set.list[0].x[0] >= kDay - 1200000);
});

test('late points are sorted in, in the history and in frames', () => {
  const set = new lib.SeriesSet();
  set.replace([{ name: 'a', slot: 1, x: [1, 5, 3], y: [10, 50, 30] }], true);
  set.add([{ name: 'a', slot: 1, x: [6, 4], y: [60, 40] }], true);
  assert.deepEqual(set.list[0].x, [1, 3, 4, 5, 6]);
  assert.deepEqual(set.list[0].y, [10, 30, 40, 50, 60]);
});

test('a distance over the gap breaks one line and not the others', () => {
  const list = [
    { name: 'a', slot: 1, x: [0, 1, 2, 3, 4, 5], y: [0, 1, 2, 3, 4, 5] },
    { name: 'b', slot: 2, x: [0, 1, 5], y: [0, 1, 5] },
  ];
  const { x, y } = lib.align(list, 0, 5, 2.5);
  assert.deepEqual(y[0].filter((v) => v === null), []);
  const between = x.map((v, i) => [v, y[1][i]]).filter(([v]) => v > 1 && v < 5);
  assert.ok(between.length > 0 && between.every(([, v]) => v === null));
  const dots = [];
  lib.gapEnds(y[1], (row) => dots.push(x[row]));
  assert.deepEqual(dots, [1, 5]);
});

test('a single point is a dot', () => {
  const dots = [];
  lib.gapEnds([undefined, 4, undefined], (row) => dots.push(row));
  assert.deepEqual(dots, [1]);
});

test('steps are 1, 2 or 5 times a power of ten, and labels are exact', () => {
  for (const [min, max] of [[20.3, 29.9], [0, 1], [-22, -17], [0.001, 0.0042], [0, 123456]]) {
    const { step, values, decimals } = lib.ticks(min, max, 200, 28);
    const digit = Number((step / 10 ** Math.floor(Math.log10(step) + 1e-9)).toFixed(6));
    assert.ok([1, 2, 5].includes(digit), `${step}`);
    assert.ok(values.length >= 2 && values.length <= 8, `${values.length} ticks`);
    for (const v of values) assert.ok(Math.abs(v - Number(v.toFixed(decimals))) < step * 1e-6);
  }
});

test('numbers: minus, prefix, thin space, no minus zero', () => {
  assert.equal(lib.fixed(-3.14, 1), '\u22123.1');
  assert.equal(lib.fixed(-0.01, 1), '0.0');
  assert.equal(lib.fixed(null, 1), '–');
  assert.equal(lib.short(3690000000), '3.69\u202fG');
  assert.equal(lib.short(1204), '1,204');
  assert.equal(lib.short(999999), '1.00\u202fM');
  assert.equal(lib.rate(8190), '8.19\u202fk/s');
  assert.equal(lib.rate(1.4), '1.4\u202f/s');
});

test('an axis holds still while data stay inside and fill half of it', () => {
  const axis = new lib.SteadyRange();
  assert.equal(axis.fit(10, 20, 0), true);
  assert.equal(axis.fit(11, 19, 1000), false);
  assert.equal(axis.fit(10, 25, 2000), true);
  assert.equal(axis.fit(14, 16, 3000), false);
  assert.equal(axis.fit(14, 16, 12000), false);
  assert.equal(axis.fit(14, 16, 13001), true);
});
