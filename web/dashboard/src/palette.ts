// The theme's colours for canvas code, read once for each change of theme.
import { Value } from './value';
import { change, view } from './view';

export interface Palette {
  panel: string; line: string; line2: string; grid: string;
  text: string; text2: string; text3: string; accent: string; danger: string; hatch: string;
  series: string[]; // [0] stands for "another", then slots 1 to 8
  ramp: [string, string, string];
  font: string;
  width: number; // of series lines
}

export const dashes: number[][] = [[], [], [], [7, 3], [], [2, 3], [9, 3, 2, 3], [12, 4], [4, 2]];

function read(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    panel: colour('panel'), line: colour('line'), line2: colour('line-2'), grid: colour('grid'),
    text: colour('text'), text2: colour('text-2'), text3: colour('text-3'),
    accent: colour('accent'), danger: colour('danger'), hatch: colour('hatch'),
    series: [colour('s8'), ...[1, 2, 3, 4, 5, 6, 7, 8].map((slot) => colour(`s${slot}`))],
    ramp: [colour('d0'), colour('d1'), colour('d2')],
    font: getComputedStyle(document.body).fontFamily,
    width: matchMedia('(prefers-contrast: more)').matches ? 2.25 : 1.75,
  };
}

export const palette = new Value<Palette>(read());

const system = matchMedia('(prefers-color-scheme: dark)');
const systemTheme = () => (system.matches ? 'dark' : 'light');

export const theme = new Value<'light' | 'dark'>(document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light');

const stored = (): string | null => {
  try {
    return localStorage.getItem('streamflow.theme');
  } catch {
    return null; // storage may be forbidden; the link still holds the theme
  }
};

function store(chosen: 'light' | 'dark' | null): void {
  try {
    if (chosen) localStorage.setItem('streamflow.theme', chosen);
    else localStorage.removeItem('streamflow.theme');
  } catch {
    return;
  }
}

function apply(): void {
  const kept = stored();
  const next = view.get().theme ?? (kept === 'light' || kept === 'dark' ? kept : systemTheme());
  document.documentElement.dataset.theme = next;
  if (next !== theme.get() || palette.get().panel === '') {
    palette.set(read());
    theme.set(next);
  }
}

export const followsSystem = (): boolean => view.get().theme === null && stored() === null;

// The other theme. Choosing what the system has means following the system again.
export function toggleTheme(): void {
  const next = theme.get() === 'dark' ? 'light' : 'dark';
  const chosen = next === systemTheme() ? null : next;
  store(chosen);
  change({ theme: chosen });
  apply();
}

export function startPalette(): void {
  system.addEventListener('change', apply);
  matchMedia('(prefers-contrast: more)').addEventListener('change', () => palette.set(read()));
  matchMedia('(forced-colors: active)').addEventListener('change', () => palette.set(read()));
  view.watch(apply);
  apply();
  palette.set(read());
}
