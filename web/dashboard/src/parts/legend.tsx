import { dashes } from '../palette';
import { useState } from 'preact/hooks';
import { nearest, type Series } from '../series';
import { fixed } from '../numbers';
import { hourMinuteSecond } from '../times';
import { toggleSeries } from '../view';
import { words } from '../words';

interface Props {
  chart: string;
  list: Series[];
  hidden: string[];
  at: number | null; // the cursor's time
  near: number; // how far from the cursor a point may be
  unit: string | null;
  decimals: number;
  side: boolean;
  onHighlight: (name: string | null) => void;
}

export function Legend({ chart, list, hidden, at, near, unit, decimals, side, onHighlight }: Props) {
  const [all, setAll] = useState(false);
  const names = list.map((s) => s.name);
  const coloured = list.filter((s) => s.slot > 0).sort((a, b) => a.slot - b.slot);
  const others = list.filter((s) => s.slot === 0);
  const shown = all || coloured.length === 0 ? [...coloured, ...others] : coloured;
  return (
    <div class={`legend ${side ? 'side' : 'below'}`}>
      {side && (
        <div class="legend-head"><span>{at === null ? words.last : hourMinuteSecond(at)}</span><span>{unit}</span></div>
      )}
      <ul>
        {shown.map((s) => (
          <li key={s.name}>
            <button aria-pressed={!hidden.includes(s.name)} title={words.hideShow(s.name)}
              onClick={(e) => toggleSeries(chart, s.name, names, e.ctrlKey || e.metaKey)}
              onPointerEnter={() => s.slot === 0 && onHighlight(s.name)}
              onPointerLeave={() => s.slot === 0 && onHighlight(null)}>
              <Sample slot={s.slot} />
              <span class="name">{s.name}</span>
              <b>{fixed(valueAt(s, at, near), decimals)}</b>
            </button>
          </li>
        ))}
        {others.length > 0 && coloured.length > 0 && (
          <li><button class="others" aria-expanded={all} onClick={() => setAll(!all)}><Sample slot={0} /><span class="name">{words.others(others.length)}</span></button></li>
        )}
      </ul>
    </div>
  );
}

export function valueAt(series: Series, at: number | null, near: number): number | null {
  if (at === null) {
    for (let i = series.y.length - 1; i >= 0; i--) if (series.y[i] !== null) return series.y[i]!;
    return null;
  }
  const i = nearest(series.x, at);
  return i < 0 || Math.abs(series.x[i]! - at) > near ? null : series.y[i] ?? null;
}

function Sample({ slot }: { slot: number }) {
  return (
    <svg class="sample" width="18" height="8" viewBox="0 0 18 8" aria-hidden="true">
      <line x1="0" x2="18" y1="4" y2="4" class={`stroke-${slot}`} stroke-dasharray={(dashes[slot] ?? []).join(' ') || undefined} />
    </svg>
  );
}
