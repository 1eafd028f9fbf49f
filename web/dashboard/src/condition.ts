// What a chart's badge says. The worst condition wins; "reduced" stands beside it.
import type { Pipeline, Source } from './api';
import type { ChartFeed } from './chart_feed';
import type { Link } from './model';
import { countdown, exact } from './numbers';
import { since as sinceText } from './times';
import { words } from './words';

export type Kind =
  | 'live' | 'reconnecting' | 'connecting' | 'stale' | 'paused' | 'failed' | 'stopped' | 'ended' | 'none';

export interface Condition {
  kind: Kind;
  text: string;
  reason: string | null;
  still: boolean; // nothing comes in: the span from the last point to now is hatched
}

const kLeastSilenceMs = 3000;

// The sources that feed a chart: its id is PIPELINE.STREAM.STEP.
function sourcesOf(pipeline: Pipeline, id: string): Source[] {
  const stream = id.slice(pipeline.name.length + 1).split('.')[0];
  const own = pipeline.sources.filter((s) => s.stream === stream);
  return own.length ? own : pipeline.sources;
}

export function condition(
  feed: ChartFeed, pipeline: Pipeline | undefined, link: Link, paused: boolean, now: number,
): Condition {
  const make = (kind: Kind, text: string, still: boolean, reason: string | null = null): Condition => ({ kind, text, reason, still });
  const stale = (at: number) => make('stale', words.badgeStale(sinceText(at, now)), true);

  if (link.state === 'lost') return stale(link.since);
  if (pipeline?.state === 'failed') return make('failed', words.badgeFailed, true, pipeline.reason);
  const sources = pipeline ? sourcesOf(pipeline, feed.chart.id) : [];
  const down = sources.find((s) => s.state === 'down');
  if (down) {
    const wait = down.retry_at && down.retry_at > now ? countdown(down.retry_at - now) : '';
    return make('reconnecting', words.badgeReconnecting(wait).trim(), true, down.reason);
  }
  if (sources.some((s) => s.state === 'connecting')) return make('connecting', words.badgeConnecting, true);
  const silent = sources.find((s) => s.state === 'silent');
  if (silent) return stale(feed.arrivedAt ?? silent.since);
  if (pipeline?.state === 'stopped') return make('stopped', words.badgeStopped, true, pipeline.reason);
  const ended = sources.length > 0 && sources.every((s) => s.state === 'ended');
  if (!ended && !paused && isOverdue(feed, now)) return stale(feed.arrivedAt ?? now);
  if (paused) return make('paused', words.badgePaused(exact(feed.waiting())), false);
  if (ended) return make('ended', words.badgeEnded(sinceText(sources[0]!.since, now)), true);
  if (feed.isEmpty()) return make('none', '', false);
  return make('live', words.live, false);
}

// No point within twice the expected distance.
function isOverdue(feed: ChartFeed, now: number): boolean {
  const expected = feed.chart.expected_ms;
  if (!expected || feed.arrivedAt === null || feed.isEmpty()) return false;
  return now - feed.arrivedAt > Math.max(kLeastSilenceMs, 2 * expected + 1000);
}

// How many points were received for each one drawn, as text, or null when nearly all are drawn.
export function reduction(feed: ChartFeed): string | null {
  if (feed.chart.kind === 'histogram' || feed.drawn === 0) return null;
  const ratio = feed.received / feed.drawn;
  return ratio >= 1.5 ? exact(Math.round(ratio)) : null;
}
