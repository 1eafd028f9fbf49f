import { pause } from '../feed';
import { charts as chartsValue, clock, daemonNow, historyMs, shownRange, status as statusValue } from '../model';
import { duration, hourMinuteSecond } from '../times';
import { useValue } from '../value';
import { change, ranges, view as viewValue } from '../view';
import { words } from '../words';
import { Icon } from './shapes';

export function Toolbar() {
  const status = useValue(statusValue);
  const charts = useValue(chartsValue) ?? [];
  const view = useValue(viewValue);
  const kept = historyMs();
  useValue(clock);
  const shown = shownRange(view.range, view.pausedAt ?? daemonNow());
  const paused = view.pausedAt !== null;
  const count = charts.filter((c) => !view.pipeline || c.pipeline === view.pipeline).length;
  const about = [view.pipeline ? null : status && words.nPipelines(status.pipelines.length), words.nCharts(count)];
  return (
    <div class="toolbar">
      <h1>{view.pipeline ?? words.overview}</h1>
      <span class="about">{status ? about.filter(Boolean).join(' · ') : ''}</span>
      <span class="grow" />
      {view.zoom && (
        <button class="button zoomed" title={words.zoomReset} onClick={() => change({ zoom: null })}>
          <Icon name="reset" />{words.zoomed(hourMinuteSecond(view.zoom[0]), hourMinuteSecond(view.zoom[1]))}
        </button>
      )}
      <div class="segments" role="group" aria-label={words.range}>
        {ranges.map((range) => {
          const off = kept > 0 && range > kept;
          return (
            <button key={range} aria-pressed={!view.zoom && range === shown} aria-disabled={off}
              title={off ? words.rangeTooLong(duration(kept)) : undefined}
              onClick={() => !off && change({ range, zoom: null })}>
              {words.ranges[range]}
            </button>
          );
        })}
      </div>
      <button class={`button pause ${paused ? 'on' : ''}`} aria-pressed={paused} onClick={() => pause(!paused)}>
        <Icon name={paused ? 'play' : 'pause'} /><span class="pause-word">{paused ? words.resume : words.pause}</span><kbd>{words.space}</kbd>
      </button>
    </div>
  );
}
