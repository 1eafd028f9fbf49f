// Contrast, computed from the values in tokens.css.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const css = readFileSync(new URL('../../web/dashboard/src/style/tokens.css', import.meta.url), 'utf8');

function tokens(theme) {
  const block = new RegExp(`\\[data-theme="${theme}"\\]\\s*\\{([^}]*)\\}`).exec(css)[1];
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]+)/g)].map((m) => [m[1], m[2]]));
}

function luminance(hex) {
  const full = hex.length === 4 ? [...hex.slice(1)].map((c) => c + c).join('') : hex.slice(1);
  const [r, g, b] = [0, 2, 4].map((at) => parseInt(full.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const contrast = (a, b) => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};

for (const theme of ['light', 'dark']) {
  const t = tokens(theme);
  const check = (front, back, least) => {
    const value = contrast(t[front], t[back]);
    assert.ok(value >= least, `${theme}: ${front} on ${back} is ${value.toFixed(2)}, least ${least}`);
  };

  test(`${theme}: text reaches 4.5 on every surface`, () => {
    for (const front of ['text', 'text-2', 'text-3']) for (const back of ['page', 'panel', 'sunken', 'raised']) check(front, back, 4.5);
    for (const tone of ['accent', 'ok', 'warn', 'danger']) for (const back of ['panel', 'raised', `${tone}-bg`]) check(tone, back, 4.5);
    for (const front of ['text', 'text-2']) for (const back of ['warn-bg', 'danger-bg', 'accent-bg']) check(front, back, 4.5);
    check('on-accent', 'accent', 4.5);
    check('text-3', 'accent-bg', 4.5);
  });

  test(`${theme}: lines and shapes reach 3 on a panel`, () => {
    for (const slot of [1, 2, 3, 4, 5, 6, 7, 8]) check(`s${slot}`, 'panel', 3);
    for (const shape of ['ok', 'warn', 'danger', 'mark', 'line-2', 'accent']) check(shape, 'panel', 3);
  });
}
