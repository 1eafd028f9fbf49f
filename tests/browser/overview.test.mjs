// The overview against invented data: what a viewer sees and does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startMock } from '../../web/dashboard/mock/server.mjs';
import { launch, loaded, look, open, overflowing, panel, until } from './browser.mjs';

const kLine = 'greenhouse.main.2';
const kFast = 'vibration.main.1';
const kMany = 'meters.main.1';
let browser;
let mock;

before(async () => {
  [browser, mock] = await Promise.all([launch(), startMock()]);
});
after(async () => {
  await browser?.close();
  await mock?.close();
});

const firstPointSoon = () => {
  mock.charts.find((c) => c.info.id === 'frost-watch.main.2').info.next_at = Date.now() + 90000;
};

async function withPage(options, body) {
  options.before?.();
  const opened = await open(browser, mock.url + (options.hash ?? ''), options);
  try {
    await loaded(opened.page, kLine);
    await body(opened.page);
    if (!options.expectErrors) assert.deepEqual(opened.complaints, []);
  } finally {
    await opened.close();
  }
}

const badge = (page, id) => page.evaluate((s) => document.querySelector(`${s} [data-badge]:last-child`)?.dataset.badge ?? null, panel(id));
const text = (page, selector) => page.evaluate((s) => document.querySelector(s)?.textContent ?? null, selector);
const seq = (page, id) => page.evaluate((s) => Number(document.querySelector(s).dataset.seq), panel(id));

test('the history is there when the page loads', () => withPage({}, async (page) => {
  const seen = await until(() => look(page, kLine, 1), (l) => l && l.columns > 0.8, 'the line fills the plot', 5000);
  assert.ok(seen.first < 0.15, `starts at ${seen.first}`);
  assert.ok(seen.last > 0.9, `ends at ${seen.last}`);
}));

test('the line moves as records come', () => withPage({}, async (page) => {
  const first = await until(() => look(page, kLine, 1), (l) => l && l.columns > 0.5, 'a line');
  const start = await seq(page, kLine);
  await until(() => seq(page, kLine), (n) => n > start, 'more points');
  await until(() => look(page, kLine, 1), (l) => l.sum !== first.sum && l.last > 0.9, 'another picture');
}));

test('a key without records breaks its line, and the line of the others goes on', () => withPage({}, async (page) => {
  const whole = await until(() => look(page, kLine, 1), (l) => l && l.columns > 0.8, 'blue');
  const broken = await look(page, kLine, 3);
  assert.ok(broken.columns < whole.columns - 0.03, `${broken.columns} against ${whole.columns}`);
}));

test('pause holds the picture and counts what waits; resume fills it in', () => withPage({}, async (page) => {
  await until(() => look(page, kFast, 1), (l) => l && l.columns > 0.5, 'a line');
  await page.keyboard.press('Space');
  await until(() => badge(page, kFast), (b) => b === 'paused', 'the badge');
  const held = await until(async () => {
    const before = await look(page, kFast, 1);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return [before.sum, (await look(page, kFast, 1)).sum];
  }, ([a, b]) => a === b, 'the picture holds');
  const heldSeq = await seq(page, kFast);
  const waiting = () => page.evaluate((s) => Number(/([\d,]+) new/.exec(document.querySelector(`${s} [data-badge=paused]`)?.textContent ?? '')?.[1].replace(',', '') ?? 0), panel(kFast));
  const few = await until(waiting, (n) => n > 20, 'records wait');
  await until(waiting, (n) => n > few, 'more records wait');
  assert.equal((await look(page, kFast, 1)).sum, held[0]);
  assert.equal(await seq(page, kFast), heldSeq);
  assert.match(page.url(), /paused=\d+/);
  await page.keyboard.press('Space');
  await until(() => badge(page, kFast), (b) => b === 'live', 'live again');
  await until(() => seq(page, kFast), (n) => n >= heldSeq + few, 'what waited is there');
}));

test('a click in the legend hides a line, Ctrl click shows only one, and the link keeps it', () => withPage({}, async (page) => {
  await until(() => look(page, kLine, 2), (l) => l && l.columns > 0.5, 'orange');
  const entry = (name) => page.locator(`${panel(kLine)} .legend button`, { hasText: name });
  await entry('bay B').click();
  await until(() => look(page, kLine, 2), (l) => l.columns === 0, 'orange is gone');
  assert.equal(await entry('bay B').getAttribute('aria-pressed'), 'false');
  await page.reload();
  await loaded(page, kLine);
  await until(() => look(page, kLine, 1), (l) => l && l.columns > 0.5, 'blue after the reload');
  assert.equal((await look(page, kLine, 2)).columns, 0);
  await entry('bay B').click();
  await entry('bay A').click({ modifiers: ['Control'] });
  await until(() => look(page, kLine, 2), (l) => l.columns === 0, 'only blue');
  await until(() => look(page, kLine, 1), (l) => l.columns > 0.5, 'blue stays');
  await entry('bay A').click({ modifiers: ['Control'] });
  await until(() => look(page, kLine, 2), (l) => l.columns > 0.5, 'all again');
}));

test('beyond eight keys the others are in the legend as one entry', () => withPage({}, async (page) => {
  await until(() => text(page, `${panel(kMany)} .others`), (t) => t === '16 others', 'others');
}));

test('the theme follows the system, changes by the button, and comes back', () => withPage({ scheme: 'dark' }, async (page) => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), 'dark');
  await page.click('.theme-button');
  assert.equal(await theme(), 'light');
  assert.match(page.url(), /theme=light/);
  await page.reload();
  await loaded(page, kLine);
  assert.equal(await theme(), 'light');
  await until(() => look(page, kLine, 1), (l) => l && l.columns > 0.5, 'light blue line');
  await page.click('.theme-button');
  assert.equal(await theme(), 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await until(theme, (t) => t === 'light', 'the system again');
}));

for (const width of [320, 390, 768, 1024, 1440]) {
  test(`no sideways scroll at ${width} px`, () => withPage({ width, height: 844 }, async (page) => {
    mock.reload({ ok: false, at: Date.now(), error: `error[E0102]: unknown option ${'x'.repeat(200)}`, charts_changed: false });
    await page.waitForSelector('.refused');
    assert.deepEqual(await overflowing(page), []);
    mock.reload({ ok: true, at: Date.now(), error: null, charts_changed: false });
    await page.waitForSelector('.refused', { state: 'detached' });
    assert.deepEqual(await overflowing(page), []);
  }));
}

test('on a phone the list opens from the menu and closes after a choice', () => withPage({ width: 390, height: 844 }, async (page) => {
  await page.click('.menu-button');
  await page.locator('.sidebar .entry', { hasText: 'greenhouse' }).click();
  await page.waitForSelector('.sidebar.open', { state: 'detached' });
  await until(() => page.locator('.chart').count(), (n) => n === 1, 'the charts of one pipeline');
}));

test('a lost daemon shows a bar and stale badges; the return fills the history', () => withPage({ expectErrors: true }, async (page) => {
  await until(() => badge(page, kLine), (b) => b === 'live', 'live');
  const start = await seq(page, kLine);
  mock.leave();
  await page.waitForSelector('.lost-bar');
  await until(() => badge(page, kLine), (b) => b === 'stale', 'stale');
  await until(() => text(page, '.lost-bar .wait'), (t) => /next try in \d/.test(t ?? ''), 'the countdown');
  mock.back();
  await page.waitForSelector('.lost-bar', { state: 'detached', timeout: 15000 });
  await until(() => badge(page, kLine), (b) => b === 'live', 'live again');
  await until(() => seq(page, kLine), (n) => n > start, 'the history is filled');
}));

test('states: stale, reconnecting with a countdown, reduced, empty with the time of the first point', () => withPage({ before: firstPointSoon }, async (page) => {
  await until(() => badge(page, 'trucks.main.1'), (b) => b === 'stale', 'stale');
  await until(() => text(page, `${panel('irrigation.main.1')} [data-badge=reconnecting]`), (t) => /Reconnecting \d/.test(t ?? ''), 'reconnecting');
  await until(() => text(page, `${panel(kFast)} [data-badge=reduced]`), (t) => /Reduced 1:\d+/.test(t ?? ''), 'reduced');
  const empty = `${panel('frost-watch.main.2')} .empty`;
  assert.match(await text(page, empty), /No records yet/);
  const wait = await text(page, `${empty} .count-down`);
  await until(() => text(page, `${empty} .count-down`), (t) => t !== wait, 'it counts down');
  assert.match(await text(page, '[data-pipeline="irrigation"]'), /mqtt:\/\/10\.0\.4\.2:1883.*Down.*connection refused.*(next try in|tries now)/);
  assert.match(await text(page, '.readiness b'), /Degraded/);
}));

test('a refused reload shows the text of the compiler; closing leaves a flag', () => withPage({}, async (page) => {
  mock.reload({ ok: false, at: Date.now(), error: "error[E0102]: unknown option 'topcs'\n  --> a.yaml:4:5\n   |\n 4 | topcs: x\n   | ^^^^^ did you mean 'topics'?", charts_changed: false });
  await until(() => text(page, '.refused pre'), (t) => /did you mean 'topics'/.test(t ?? ''), 'the text');
  await page.click('.refused .icon-button');
  await page.waitForSelector('.refused', { state: 'detached' });
  await page.click('.flag');
  await page.waitForSelector('.refused');
  mock.reload({ ok: true, at: Date.now(), error: null, charts_changed: false });
  await page.waitForSelector('.refused', { state: 'detached' });
}));

test('a reload that changes charts brings the new ones', () => withPage({}, async (page) => {
  mock.state.charts = mock.charts.filter((c) => c.info.id !== 'humidity.main.1');
  mock.reload({ ok: true, at: Date.now(), error: null, charts_changed: true });
  await page.waitForSelector(panel('humidity.main.1'), { state: 'detached' });
  mock.state.charts = null;
  mock.reload({ ok: true, at: Date.now(), error: null, charts_changed: true });
  await loaded(page, 'humidity.main.1');
}));

test('ranges beyond the history are off and say why; others change the axis', () => withPage({}, async (page) => {
  const range = (name) => page.locator('.segments button', { hasText: new RegExp(`^${name}$`) });
  assert.equal(await range('24 h').getAttribute('aria-disabled'), 'true');
  assert.match(await range('24 h').getAttribute('title'), /keep 15/);
  await range('24 h').click({ force: true });
  assert.equal(await range('15 min').getAttribute('aria-pressed'), 'true');
  await page.keyboard.press('1');
  await until(() => range('5 min').getAttribute('aria-pressed'), (v) => v === 'true', '5 min');
  assert.match(page.url(), /range=300000/);
}));

test('the cursor is shared: every legend shows its time, and dragging zooms', () => withPage({}, async (page) => {
  await until(() => look(page, kLine, 1), (l) => l && l.columns > 0.5, 'a line');
  const over = page.locator(`${panel(kLine)} .u-over`);
  const box = await over.boundingBox();
  await page.mouse.move(box.x + box.width / 3, box.y + 60);
  await until(() => text(page, `${panel(kFast)} .cursor-time`), (t) => /^\d\d:\d\d:\d\d$/.test(t ?? ''), 'the time');
  await until(() => page.evaluate((s) => {
    const line = document.querySelector(`${s} .u-cursor-x`);
    return line && !line.classList.contains('u-off') && new DOMMatrix(getComputedStyle(line).transform).e > 20;
  }, panel(kFast)), (shown) => shown, 'the line in another chart');
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + 70, { steps: 4 });
  await page.mouse.up();
  await page.waitForSelector('.zoomed');
  assert.match(page.url(), /zoom=\d+-\d+/);
  await page.click('.zoomed');
  await page.waitForSelector('.zoomed', { state: 'detached' });
}));

test('keys: / finds, ] goes on, g o comes home, ? helps, arrows speak a point', () => withPage({}, async (page) => {
  await page.keyboard.press('/');
  await page.keyboard.type('green');
  await until(() => page.locator('.list .entry').count(), (n) => n === 1, 'one is found');
  await page.keyboard.press('Enter');
  await until(() => text(page, 'h1'), (t) => t === 'greenhouse', 'the pipeline');
  await page.locator('#find').fill('');
  await page.locator('#find').blur();
  await page.keyboard.press(']');
  await until(() => text(page, 'h1'), (t) => t === 'humidity', 'the next one');
  await page.keyboard.press('g');
  await page.keyboard.press('o');
  await until(() => text(page, 'h1'), (t) => t === 'Overview', 'home');
  await loaded(page, kLine);
  await until(() => look(page, kLine, 1), (l) => l && l.columns > 0.5, 'a line');
  await page.focus(`${panel(kLine)} figure`);
  await page.keyboard.press('ArrowLeft');
  await until(() => text(page, '[aria-live]'), (t) => /^\d\d:\d\d:\d\d, bay A, \d/.test(t ?? ''), 'it speaks');
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
}));

test('charts have names, a summary and a table', () => withPage({}, async (page) => {
  const name = await page.locator(`${panel(kLine)} figure`).getAttribute('aria-label');
  assert.match(name, /^Air temperature, line chart\. /);
  await until(() => page.locator(`${panel(kLine)} table tbody tr`).count(), (n) => n > 10, 'rows');
  assert.equal(await page.locator('h1').count(), 1);
}));

test('reduced motion stops every animation', () => withPage({ reducedMotion: 'reduce' }, async (page) => {
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
}));

test('records of another time are drawn up to their last one, with the day', () => withPage({}, async (page) => {
  const seen = await until(() => look(page, 'replay.main.1', 1), (l) => l && l.columns > 0.5, 'a line');
  assert.ok(seen.last > 0.9, `ends at ${seen.last}`);
  assert.match(await text(page, `${panel('replay.main.1')} .subtitle`), /14 Mar 2021/);
  await until(() => badge(page, 'replay.main.1'), (b) => b === 'ended', 'ended');
}));

test('a young chart shows its first seconds over much of its width; a chosen range is kept', async () => {
  const young = await startMock({ historyMs: 35000 });
  const { page, complaints, close } = await open(browser, young.url);
  try {
    await until(() => look(page, kLine, 1), (l) => l && l.columns > 0.4, 'a wide line');
    await page.keyboard.press('2');
    await until(() => look(page, kLine, 1), (l) => l.columns > 0 && l.columns < 0.2, 'a short line in 15 min');
    assert.deepEqual(complaints, []);
  } finally {
    await close();
    await young.close();
  }
});
