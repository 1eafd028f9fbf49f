import { useState } from 'preact/hooks';
import type { Pipeline } from '../api';
import { link, refused, status as statusValue } from '../model';
import { rate } from '../numbers';
import { useValue } from '../value';
import { change, view as viewValue } from '../view';
import { words } from '../words';
import { needsAttention, pipelineLook, unknownLook } from './pipeline_state';
import { Icon, StateShape } from './shapes';

export function Sidebar({ open, onClose, onShowRefused }: { open: boolean; onClose: () => void; onShowRefused: () => void }) {
  const status = useValue(statusValue);
  const view = useValue(viewValue);
  const wrong = useValue(refused);
  const [find, setFind] = useState('');
  const pipelines = status?.pipelines ?? [];
  const attention = pipelines.filter(needsAttention);
  const needle = find.trim().toLowerCase();
  const listed = (view.attention ? attention : pipelines).filter((p) => p.name.toLowerCase().includes(needle));
  const go = (pipeline: string | null) => {
    change({ pipeline });
    onClose();
  };
  return (
    <nav class={`sidebar ${open ? 'open' : ''}`} aria-label={words.pipelines}>
      <div class="find">
        <Icon name="find" />
        <input id="find" type="search" placeholder={words.findPipeline} aria-label={words.findPipeline} autocomplete="off"
          value={find} onInput={(e) => setFind(e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === 'Enter' && listed[0]) go(listed[0].name);
            if (e.key === 'Escape') {
              setFind('');
              e.currentTarget.blur();
            }
          }} />
        <kbd>/</kbd>
      </div>
      <div class="chips">
        <button class="chip" aria-pressed={!view.attention} onClick={() => change({ attention: false })}>
          {words.all} <b>{pipelines.length}</b>
        </button>
        <button class="chip" aria-pressed={view.attention} onClick={() => change({ attention: !view.attention })}>
          {words.attention} <b class={attention.length ? 'warn' : ''}>{attention.length}</b>
        </button>
      </div>
      <button class="entry home" aria-current={view.pipeline ? undefined : 'page'} title={words.overview} onClick={() => go(null)}>
        <Icon name="overview" /><span class="name">{words.overview}</span>
      </button>
      <h2 class="list-title">{words.pipelines}</h2>
      <ul class="list">
        {listed.map((p) => <Entry key={p.name} pipeline={p} current={view.pipeline === p.name} onGo={() => go(p.name)} />)}
      </ul>
      {needle && listed.length === 0 && <p class="none">{words.noPipelineFound}</p>}
      <span class="grow" />
      {wrong && <button class="entry flag" onClick={onShowRefused}><Icon name="refused" /><span class="name">{words.reloadShow}</span></button>}
      {status && <p class="version">streamflowd {status.version}</p>}
    </nav>
  );
}

function Entry({ pipeline, current, onGo }: { pipeline: Pipeline; current: boolean; onGo: () => void }) {
  const lost = useValue(link).state === 'lost';
  const look = lost ? unknownLook : pipelineLook(pipeline);
  const quiet = look.shape === 'disc' || look.shape === 'triangle';
  const title = [pipeline.name, look.word, pipeline.reason].filter(Boolean).join(' · ');
  return (
    <li>
      <button class="entry" aria-current={current ? 'page' : undefined} title={title} onClick={onGo}>
        <StateShape shape={look.shape} tone={look.tone} />
        <span class="name">{pipeline.name}</span>
        <span class="hidden-text">{look.word}</span>
        <span class="rate">{lost ? '–' : quiet ? rate(pipeline.rate) : look.word.toLowerCase()}</span>
      </button>
    </li>
  );
}
