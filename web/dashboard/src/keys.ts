// Keys of the page. Keys inside a chart are handled there.
import { pause } from './feed';
import { historyMs, status } from './model';
import { Value } from './value';
import { change, ranges, view } from './view';

const kStored = 'streamflow.keys';

function storedOn(): boolean {
  try {
    return localStorage.getItem(kStored) !== 'off';
  } catch {
    return true;
  }
}

export const keysOn = new Value(storedOn());

export function setKeysOn(on: boolean): void {
  keysOn.set(on);
  try {
    localStorage.setItem(kStored, on ? 'on' : 'off');
  } catch {
    return; // the choice then holds for this page only
  }
}

export function startKeys(onHelp: () => void, onEscape: () => void): void {
  let afterG = false;
  document.addEventListener('keydown', (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (target.matches('input:not([type=checkbox]), textarea, select')) return;
    if (event.key === 'Escape') return onEscape();
    if (!keysOn.get()) return;
    const second = afterG;
    afterG = event.key === 'g';
    if (second && event.key === 'o') return change({ pipeline: null });
    switch (event.key) {
      case '/':
        event.preventDefault();
        document.getElementById('find')?.focus();
        return;
      case ' ':
        if (target.matches('button, summary, a')) return; // Space presses what has the focus
        event.preventDefault();
        return pause(view.get().pausedAt === null);
      case '[':
        return step(-1);
      case ']':
        return step(1);
      case '?':
        return onHelp();
      default: {
        const range = ranges[Number(event.key) - 1];
        if (range && (historyMs() === 0 || range <= historyMs())) change({ range, zoom: null });
      }
    }
  });
}

function step(by: number): void {
  const names = [null, ...(status.get()?.pipelines.map((p) => p.name) ?? [])];
  const at = names.indexOf(view.get().pipeline);
  change({ pipeline: names[(at + by + names.length) % names.length] ?? null });
}
