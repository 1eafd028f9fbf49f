// The shape, tone and word of pipelines and connectors.
import type { Connector, Pipeline, Status } from '../api';
import { words } from '../words';
import type { Shape } from './shapes';

export interface Look {
  shape: Shape;
  tone: 'ok' | 'warn' | 'danger' | 'quiet';
  word: string;
}

export function pipelineLook(pipeline: Pipeline): Look {
  const word = words.pipelineState[pipeline.state];
  if (pipeline.state === 'failed') return { shape: 'octagon', tone: 'danger', word };
  if (pipeline.state === 'stopped') return { shape: 'ring', tone: 'quiet', word };
  if ([...pipeline.sources, ...pipeline.sinks].some((c) => c.state === 'down')) {
    return { shape: 'broken', tone: 'warn', word: words.reconnecting };
  }
  if (pipeline.state === 'degraded') return { shape: 'triangle', tone: 'warn', word };
  return { shape: 'disc', tone: 'ok', word };
}

export function connectorLook(connector: Connector): Look {
  const word = words.connectorState[connector.state];
  switch (connector.state) {
    case 'up': return { shape: 'disc', tone: 'ok', word };
    case 'down': return { shape: connector.retry_at ? 'broken' : 'octagon', tone: connector.retry_at ? 'warn' : 'danger', word };
    case 'connecting': return { shape: 'broken', tone: 'warn', word };
    case 'silent': return { shape: 'ring', tone: 'warn', word };
    case 'paused': return { shape: 'bars', tone: 'quiet', word };
    case 'ended': return { shape: 'ring', tone: 'quiet', word };
  }
}

// While the daemon is lost nothing is known of the present.
export const unknownLook: Look = { shape: 'ring', tone: 'quiet', word: words.unknown };

// A pipeline that someone should look at.
export function needsAttention(pipeline: Pipeline): boolean {
  return pipeline.state === 'failed' || pipeline.state === 'degraded' || !pipeline.ledger.balanced ||
    [...pipeline.sources, ...pipeline.sinks].some((c) => c.state === 'down' || c.state === 'silent');
}

// Ready only when every pipeline runs and every connector is connected.
export function notReady(status: Status): number {
  return status.pipelines.filter(
    (p) => p.state === 'failed' || p.state === 'degraded' ||
      (p.state !== 'stopped' && [...p.sources, ...p.sinks].some((c) => c.state === 'down' || c.state === 'connecting' || c.state === 'silent')),
  ).length;
}

export function totals(status: Status) {
  const sum = { in: 0, written: 0, late: 0, failed: 0, unbalanced: [] as string[] };
  for (const { name, ledger } of status.pipelines) {
    sum.in += ledger.in;
    sum.written += ledger.written;
    sum.late += ledger.late;
    sum.failed += ledger.failed;
    if (!ledger.balanced) sum.unbalanced.push(name);
  }
  return sum;
}
