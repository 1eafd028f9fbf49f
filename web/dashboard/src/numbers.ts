// Numbers as text: a real minus, a thin space before units, fixed decimals per column.
import { words } from './words';

const kThin = '\u202f';
const formats = new Map<number, Intl.NumberFormat>();

function format(decimals: number): Intl.NumberFormat {
  let found = formats.get(decimals);
  if (!found) {
    found = new Intl.NumberFormat(words.lang, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    formats.set(decimals, found);
  }
  return found;
}

export function fixed(value: number | null | undefined, decimals: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const text = format(decimals).format(value).replace('-', '\u2212');
  return /[1-9]/.test(text) ? text : text.replace('\u2212', '');
}

export const exact = (value: number): string => fixed(value, 0);

// Three significant digits with an SI prefix: 3.69 G. Small whole numbers stay whole.
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return size < 10000 && Number.isInteger(value) ? exact(value) : withPrefix(value, size);
}

function withPrefix(value: number, size: number): string {
  const prefixes: [number, string][] = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  for (const [unit, letter] of prefixes) {
    if (size >= unit * 0.9995) return fixed(value / unit, digitsFor(size / unit)) + kThin + letter;
  }
  return fixed(value, digitsFor(size));
}

// Records a second: "8.19 k/s", "42 /s", "0.2 /s".
export function rate(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return `0${kThin}/s`;
  if (size >= 999.5) return words.perSecond(withPrefix(value, size));
  const decimals = size >= 9.95 ? 0 : size >= 0.095 ? 1 : 2;
  return words.perSecond(fixed(value, decimals) + kThin);
}

function digitsFor(size: number): number {
  return size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
}

// How many decimals `value` shows, at most `limit`.
export function decimalsOf(value: number, limit: number): number {
  for (let digits = 0; digits < limit; digits++) {
    if (Math.abs(value - Number(value.toFixed(digits))) < 1e-9 * Math.max(1, Math.abs(value))) return digits;
  }
  return limit;
}

export const withUnit = (text: string, unit: string | null): string => (unit ? `${text}${kThin}${unit}` : text);

export const countdown = (ms: number): string => {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 100) return `${seconds}${kThin}s`;
  return `${Math.floor(seconds / 60)}${kThin}min ${String(seconds % 60).padStart(2, '0')}${kThin}s`;
};
