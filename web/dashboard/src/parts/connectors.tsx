// Each pipeline's state, ledger, sources and sinks; and the records that failed.
import type { Connector, Ledger, Pipeline, Sink, Source } from '../api';
import { clock, daemonNow, link as linkValue } from '../model';
import { countdown, exact, rate, short } from '../numbers';
import { hourMinuteSecond, since } from '../times';
import { useValue } from '../value';
import { words } from '../words';
import { connectorLook, pipelineLook, unknownLook } from './pipeline_state';
import { StateShape } from './shapes';

export function ConnectorsPanel({ pipeline, span }: { pipeline: Pipeline; span: number }) {
  useValue(clock);
  const now = daemonNow();
  const link = useValue(linkValue);
  const lost = link.state === 'lost';
  const look = lost ? unknownLook : pipelineLook(pipeline);
  const delivery = words.delivery[pipeline.delivery] ?? pipeline.delivery;
  const word = lost ? words.badgeStale(since(link.since, now)) : look.word[0]!.toUpperCase() + look.word.slice(1);
  return (
    <section class={`panel connectors span-${span} ${lost ? 'is-lost' : ''}`} data-pipeline={pipeline.name}>
      <div class="panel-head">
        <h2 title={pipeline.name}>{pipeline.name}</h2>
        <span class="subtitle">{delivery}</span>
        <span class="badges">
          <span class={`badge ${lost ? 'warn' : look.tone === 'ok' ? 'live' : look.tone}`} title={pipeline.reason ?? undefined}>
            {look.tone === 'ok' ? <i class="live-dot" /> : <StateShape shape={look.shape} tone={lost ? 'warn' : look.tone} />}{word}
          </span>
        </span>
      </div>
      {pipeline.reason && <p class="reason">{pipeline.reason}</p>}
      <ul class="connector-list">
        {pipeline.sources.map((s) => <Row key={`in ${s.id}`} connector={s} side={words.source} figures={sourceFigures(s)} now={now} />)}
        {pipeline.sinks.map((s) => <Row key={`out ${s.id}`} connector={s} side={words.sink} figures={sinkFigures(s)} now={now} />)}
      </ul>
      <LedgerLine ledger={pipeline.ledger} />
    </section>
  );
}

function Row({ connector, side, figures, now }: { connector: Connector; side: string; figures: string[]; now: number }) {
  const look = connectorLook(connector);
  const wait = connector.retry_at ? connector.retry_at - now : null;
  const facts = [words.since(since(connector.since, now))];
  if (connector.reason) facts.push(connector.reason);
  if (wait !== null) facts.push(wait > 0 ? words.nextTry(countdown(wait)) : words.triesNow);
  return (
    <li>
      <span class="side">{side}</span>
      <span class="kind">{connector.kind}</span>
      <code title={connector.address}>{connector.address}</code>
      <span class="figures">{figures[0]}</span>
      <span class={`state ${look.tone}`}><StateShape shape={look.shape} tone={look.tone} />{look.word}</span>
      <span class="facts" title={facts.join(' · ')}>{facts.join(' · ')}</span>
      <span class="more">{figures.slice(1).join(' · ')}</span>
    </li>
  );
}

function sourceFigures(s: Source): string[] {
  return [rate(s.rate), ...(s.undecodable ? [words.nUndecodable(exact(s.undecodable))] : [])];
}

function sinkFigures(s: Sink): string[] {
  const figures = [words.written(short(s.written))];
  if (s.queued) figures.push(words.nQueued(exact(s.queued)));
  if (s.failed) figures.push(words.nFailed(exact(s.failed)));
  if (s.dropped) figures.push(words.nDropped(exact(s.dropped)));
  return figures;
}

// The ledger in one line, exact: what came in, and where it is.
function LedgerLine({ ledger }: { ledger: Ledger }) {
  const left = [words.ledgerIn(exact(ledger.in))];
  if (ledger.created) left.push(words.ledgerCreated(exact(ledger.created)));
  if (ledger.copied) left.push(words.ledgerCopied(exact(ledger.copied)));
  const parts = (Object.keys(words.ledgerParts) as (keyof typeof words.ledgerParts)[]).filter((part) => ledger[part] > 0);
  return (
    <p class="ledger">
      <span>{left.join(' ')}</span>
      {parts.length > 0 && <span class="equals">=</span>}
      {parts.map((part) => (
        <span key={part} class={part === 'failed' ? 'danger' : ''}>{exact(ledger[part])} {words.ledgerParts[part]}</span>
      ))}
      <span class={`balance ${ledger.balanced ? 'ok' : 'danger'}`}>
        <StateShape shape={ledger.balanced ? 'check' : 'octagon'} tone={ledger.balanced ? 'ok' : 'danger'} />
        {ledger.balanced ? words.balanced : words.notBalanced}
      </span>
    </p>
  );
}

const kErrorsMax = 20;

export function ErrorsPanel({ pipelines }: { pipelines: Pipeline[] }) {
  const rows = pipelines.flatMap((p) => p.errors.map((error) => ({ pipeline: p.name, error })));
  if (!rows.length) return null;
  rows.sort((a, b) => b.error.at - a.error.at);
  return (
    <section class="panel errors span-12">
      <div class="panel-head"><h2>{words.recentErrors}</h2></div>
      <ul class="error-list">
        {rows.slice(0, kErrorsMax).map(({ pipeline, error }) => (
          <li key={`${pipeline} ${error.step} ${error.reason}`}>
            <time>{hourMinuteSecond(error.at)}</time>
            <span class="where">{pipeline} · {error.step}</span>
            <span class="why">{error.reason}</span>
            <code title={error.sample}>{error.sample}</code>
            <b>{words.times(exact(error.count))}</b>
          </li>
        ))}
      </ul>
    </section>
  );
}
