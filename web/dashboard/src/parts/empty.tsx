import type { Chart, Pipeline } from '../api';
import { countdown } from '../numbers';
import { hourMinuteSecond } from '../times';
import { words } from '../words';

// A chart without points: when the first one comes, else what it waits for.
export function NoRecords({ chart, pipeline, now }: { chart: Chart; pipeline: Pipeline | undefined; now: number }) {
  const next = chart.next_at;
  const up = pipeline?.sources.filter((s) => s.state === 'up').map((s) => s.kind) ?? [];
  let text: string = words.noRecordsHint;
  if (next !== null) text = next > now ? words.firstPointAt(hourMinuteSecond(next)) : words.firstPointDue;
  else if (up.length) text = `${words.connectorsUp([...new Set(up)].join(', '))} ${words.noRecordsHint}`;
  return (
    <div class="empty">
      <svg width="124" height="14" viewBox="0 0 124 14" aria-hidden="true">
        <path d="M14 7h41M69 7h41" class="empty-path" />
        <circle cx="7" cy="7" r="6" class="empty-first" />
        <circle cx="62" cy="7" r="5.5" class="empty-ring" />
        <circle cx="117" cy="7" r="5.5" class="empty-ring" />
      </svg>
      <p class="empty-title">{words.noRecordsYet}</p>
      <p>{text}{next !== null && next > now && <> <span class="count-down">{words.firstPointIn(countdown(next - now))}</span></>}</p>
    </div>
  );
}

export function Hint({ title, text, command }: { title: string; text: string; command: string }) {
  return (
    <section class="panel span-12 hint">
      <div class="empty">
        <p class="empty-title">{title}</p>
        <p>{text}</p>
        <code>{command}</code>
      </div>
    </section>
  );
}
