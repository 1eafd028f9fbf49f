// Where axes have their ticks: steps of 1 · 2 · 5 × 10ⁿ only, and the clock's own steps for time.
import { wallOffset } from './times';

// The smallest allowed step that is at least `least`.
export function niceStep(least: number): number {
  if (!(least > 0) || !Number.isFinite(least)) return 1;
  const power = Math.pow(10, Math.floor(Math.log10(least)));
  for (const factor of [1, 2, 5]) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

export const stepDecimals = (step: number): number => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));

export interface Ticks {
  values: number[];
  step: number;
  decimals: number;
}

// Ticks in [min, max] that are at least `spacePx` apart on an axis of `lengthPx`.
export function ticks(min: number, max: number, lengthPx: number, spacePx: number, leastStep = 0): Ticks {
  const step = Math.max(leastStep, niceStep(((max - min) * spacePx) / Math.max(1, lengthPx)));
  const values: number[] = [];
  const first = Math.ceil(min / step - 1e-6);
  for (let k = first; k * step <= max + step * 1e-6 && values.length < 200; k++) values.push(k === 0 ? 0 : k * step);
  return { values, step, decimals: stepDecimals(step) };
}

const kSecond = 1000;
const kMinute = 60 * kSecond;
const kHour = 60 * kMinute;
const kDay = 24 * kHour;
const timeSteps = [
  kSecond, 2 * kSecond, 5 * kSecond, 10 * kSecond, 15 * kSecond, 30 * kSecond,
  kMinute, 2 * kMinute, 5 * kMinute, 10 * kMinute, 15 * kMinute, 30 * kMinute,
  kHour, 2 * kHour, 3 * kHour, 6 * kHour, 12 * kHour, kDay, 2 * kDay, 7 * kDay, 14 * kDay, 28 * kDay,
];

export function timeTicks(min: number, max: number, lengthPx: number, spacePx: number): Ticks {
  const least = ((max - min) * spacePx) / Math.max(1, lengthPx);
  const step = timeSteps.find((s) => s >= least) ?? Math.ceil(least / kDay) * kDay;
  const offset = wallOffset(max);
  const values: number[] = [];
  for (let k = Math.ceil((min + offset) / step); k * step - offset <= max && values.length < 200; k++) {
    values.push(k * step - offset);
  }
  return { values, step, decimals: 0 };
}
