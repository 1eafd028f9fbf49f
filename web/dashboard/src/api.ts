// The documents of docs/http-api.md, and how to fetch them. Times are milliseconds since the epoch.

export type PipelineState = 'running' | 'degraded' | 'failed' | 'stopped';
export type ConnectorState = 'connecting' | 'up' | 'silent' | 'paused' | 'down' | 'ended';

export interface Ledger {
  in: number; created: number; copied: number;
  written: number; filtered: number; absorbed: number; late: number; dropped: number; failed: number;
  unused: number; held: number; queued: number;
  messages: number; undecodable: number; balanced: boolean;
}

export interface Connector {
  id: string; stream: string; kind: string; address: string;
  state: ConnectorState; reason: string | null; since: number; retry_at?: number | null;
}

export interface Source extends Connector {
  messages: number; undecodable: number; rate: number;
}

export interface Sink extends Connector {
  written: number; failed: number; dropped: number; queued: number; queued_bytes: number;
}

export interface RecordError {
  at: number; step: string; reason: string; sample: string; count: number;
}

export interface Pipeline {
  name: string; state: PipelineState; reason: string | null; delivery: string;
  rate: number; rate_out: number; ledger: Ledger;
  sources: Source[]; sinks: Sink[]; errors: RecordError[]; charts: string[];
}

export interface Reload {
  ok: boolean; at: number; loaded_at?: number | null; error: string | null; charts_changed?: boolean;
}

export interface Status {
  host: string; version: string; started: number; now: number; reload: Reload | null; pipelines: Pipeline[];
}

export interface Chart {
  id: string; pipeline: string; kind: 'line' | 'histogram' | 'scatter';
  title: string; subtitle: string | null; unit: string | null;
  x: string; x_is_time: boolean; y: string[]; by: string[];
  range: [number, number] | null; history_ms: number; expected_ms: number | null; next_at: number | null;
}

export interface Points {
  name: string; slot: number; x: number[]; y: (number | null)[];
}

export interface Histogram {
  start: number; width: number; counts: number[]; below: number; above: number; n: number;
  p5: number; p50: number; p95: number;
}

export interface ChartData {
  id: string; seq: number; now: number; received: number; drawn: number;
  series?: Points[]; histogram?: Histogram | null;
}

export interface Frame {
  from: number; seq: number; series?: Points[]; histogram?: Histogram | null;
}

export interface Frames {
  now: number; charts: Record<string, Frame>;
}

async function getJson<T>(path: string): Promise<T> {
  const answer = await fetch(path, { cache: 'no-store', credentials: 'same-origin' });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return (await answer.json()) as T;
}

export const streamPath = 'api/v1/stream';

export const getStatus = (): Promise<Status> => getJson('api/v1/pipelines');

export const getCharts = async (): Promise<Chart[]> => (await getJson<{ charts: Chart[] }>('api/v1/charts')).charts;

export function getData(id: string, from: number | null, to: number | null, px: number): Promise<ChartData> {
  const query = new URLSearchParams();
  if (from !== null) query.set('from', String(Math.floor(from)));
  if (to !== null) query.set('to', String(Math.ceil(to)));
  query.set('px', String(Math.max(50, Math.round(px))));
  return getJson(`api/v1/charts/${encodeURIComponent(id)}/data?${query}`);
}
