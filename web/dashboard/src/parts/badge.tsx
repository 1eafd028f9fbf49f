import type { Condition, Kind } from '../condition';
import { StateShape, type Shape } from './shapes';

const looks: Record<Exclude<Kind, 'none' | 'live'>, { shape: Shape | null; tone: 'warn' | 'danger' | 'quiet' }> = {
  reconnecting: { shape: 'broken', tone: 'warn' },
  connecting: { shape: 'broken', tone: 'warn' },
  stale: { shape: 'ring', tone: 'warn' },
  failed: { shape: 'octagon', tone: 'danger' },
  paused: { shape: null, tone: 'quiet' },
  stopped: { shape: 'ring', tone: 'quiet' },
  ended: { shape: 'ring', tone: 'quiet' },
};

export function Badge({ condition, reduced, reducedTitle }: { condition: Condition; reduced: string | null; reducedTitle: string }) {
  const { kind, text, reason } = condition;
  return (
    <span class="badges">
      {reduced && <span class="badge quiet" data-badge="reduced" title={reducedTitle}>{reduced}</span>}
      {kind === 'live' && <span class="badge live" data-badge="live"><i class="live-dot" />{text}</span>}
      {kind !== 'live' && kind !== 'none' && (
        <span class={`badge ${looks[kind].tone}`} data-badge={kind} title={reason ?? undefined}>
          {looks[kind].shape && <StateShape shape={looks[kind].shape!} tone={looks[kind].tone} />}{text}
        </span>
      )}
    </span>
  );
}
