// Chromium for the tests, and what they ask of a page.
import { chromium } from '../../web/dashboard/node_modules/playwright-core/index.mjs';

const kArgs = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: kArgs });

// Opens `url` in a context of its own. `complaints` collects errors and requests to other origins.
export async function open(browser, url, { width = 1440, height = 900, scheme = 'light', ...more } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, ...more });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  const origin = new URL(url).origin;
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

export const panel = (id) => `[data-chart="${id}"]`;

// Waits until a chart has loaded.
export const loaded = (page, id) => page.waitForSelector(`${panel(id)}[data-seq]`);

// What the plot of a chart shows: how much of its width has the colour of `slot`, from which part of
// the width to which, and a sum that changes with any pixel.
export function look(page, id, slot) {
  return page.evaluate(({ selector, slot }) => {
    const canvas = document.querySelector(`${selector} .plot canvas`);
    if (!canvas || !canvas.width) return null;
    const hex = getComputedStyle(document.documentElement).getPropertyValue(`--s${slot}`).trim();
    const want = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    const { width, height } = canvas;
    const copy = document.createElement('canvas');
    Object.assign(copy, { width, height });
    const ctx = copy.getContext('2d', { willReadFrequently: true });
    ctx.drawImage(canvas, 0, 0);
    const pixels = ctx.getImageData(0, 0, width, height).data;
    let sum = 0;
    let columns = 0;
    let first = null;
    let last = null;
    for (let x = 0; x < width; x++) {
      let hit = false;
      for (let y = 0; y < height; y++) {
        const at = 4 * (y * width + x);
        sum = (Math.imul(sum, 31) + pixels[at] + 7 * pixels[at + 1] + 13 * pixels[at + 3]) | 0;
        if (pixels[at + 3] > 200 && want.every((c, i) => Math.abs(pixels[at + i] - c) < 24)) hit = true;
      }
      if (!hit) continue;
      columns++;
      first ??= x / width;
      last = x / width;
    }
    return { columns: columns / width, first, last, sum };
  }, { selector: panel(id), slot });
}

// Waits until `ask` returns something that `good` accepts; the failure shows the last answer.
export async function until(ask, good, what, timeoutMs = 10000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (Date.now() > end) throw new Error(`${what}: still ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// Elements that reach beyond the right edge of the page and are not inside something that scrolls or clips.
export function overflowing(page) {
  return page.evaluate(() => {
    const edge = document.documentElement.clientWidth;
    const found = document.documentElement.scrollWidth > edge ? [`page: ${document.documentElement.scrollWidth} > ${edge}`] : [];
    for (const element of document.querySelectorAll('body *')) {
      const box = element.getBoundingClientRect();
      if (box.width === 0 || box.right <= edge + 0.5) continue;
      let around = element.parentElement;
      while (around && getComputedStyle(around).overflowX === 'visible') around = around.parentElement;
      if (!around || around === document.body || around === document.documentElement) {
        found.push(`${element.tagName}.${element.getAttribute('class')} ${Math.round(box.right)}`);
      }
    }
    return found;
  });
}
