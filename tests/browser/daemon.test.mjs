// The page against the real daemon. STREAMFLOWD is the path of the binary; with REQUIRE_DAEMON=1 its
// absence is a failure. SCREENSHOTS is a folder for pictures.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { launch, look, open, overflowing, until } from './browser.mjs';

const binary = process.env.STREAMFLOWD;
const required = process.env.REQUIRE_DAEMON === '1';
const folder = process.env.SCREENSHOTS;

function startDaemon() {
  const child = spawn(binary, ['demo', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  const url = new Promise((resolve, reject) => {
    child.stderr.on('data', (bytes) => {
      said += bytes;
      const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(said);
      if (found) resolve(found[0]);
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the daemon ended with ${code}: ${said}`)));
  });
  const stop = () => new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resolve();
    child.once('exit', resolve);
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5000).unref();
  });
  return { url, stop };
}

test('the demo moves in the page', { skip: !binary && !required && 'STREAMFLOWD is not set', timeout: 120000 }, async () => {
  assert.ok(binary, 'STREAMFLOWD must name the daemon');
  const daemon = startDaemon();
  const browser = await launch();
  try {
    const url = await daemon.url;
    for (const [name, width, height] of [['desktop', 1440, 900], ['phone', 390, 844]]) {
      const { page, complaints, close } = await open(browser, url, { width, height, deviceScaleFactor: 2 });
      const line = '.chart[data-kind="line"][data-seq]';
      await page.waitForSelector(line, { timeout: 30000 });
      const id = await page.locator(line).first().getAttribute('data-chart');
      const seq = () => page.locator(line).first().getAttribute('data-seq').then(Number);
      const first = await until(() => look(page, id, 1), (l) => l && l.columns > 0, 'a line', 60000);
      const start = await seq();
      await until(seq, (n) => n > start, 'more points', 60000);
      await until(() => look(page, id, 1), (l) => l.sum !== first.sum && l.columns > 0, 'the line moved', 30000);
      if (folder) {
        mkdirSync(folder, { recursive: true });
        await page.screenshot({ path: join(folder, `${name}-${width}x${height}.png`) });
      }
      assert.deepEqual(await overflowing(page), []);
      assert.deepEqual(complaints, []);
      await close();
    }
  } finally {
    await browser.close();
    await daemon.stop();
  }
});
