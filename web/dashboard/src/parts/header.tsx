import type { Status } from '../api';
import { clock, clockOffset, link, status as statusValue } from '../model';
import { exact, fixed, short } from '../numbers';
import { followsSystem, theme, toggleTheme } from '../palette';
import { duration } from '../times';
import { useValue } from '../value';
import { change, view as viewValue } from '../view';
import { words } from '../words';
import { notReady, totals } from './pipeline_state';
import { Icon, Mark, StateShape } from './shapes';

export function Header({ onMenu, onHelp }: { onMenu: () => void; onHelp: () => void }) {
  const status = useValue(statusValue);
  const lost = useValue(link).state === 'lost';
  const now = useValue(clock);
  const shown = useValue(theme);
  const view = useValue(viewValue);
  const themeWords = shown === 'dark' ? words.light : words.dark;
  return (
    <header class="header">
      <button class="icon-button menu-button" aria-label={words.menu} onClick={onMenu}><Icon name="menu" /></button>
      <a class="brand" href="#" aria-label={words.product} onClick={(e) => {
        e.preventDefault();
        change({ pipeline: null });
      }}><Mark /><span>{words.product}</span></a>
      <span class="header-title" aria-hidden="true">{view.pipeline ?? words.overview}</span>
      {status && <span class="host" title={status.host}>{status.host}</span>}
      {status && <Readiness status={status} now={now} lost={lost} />}
      <span class="grow" />
      {status && <Totals status={status} place="in-header" />}
      <button class="icon-button help-button" aria-label={words.help} title={`${words.help} (?)`} onClick={onHelp}><Icon name="help" /></button>
      <button class="icon-button theme-button" aria-label={themeWords}
        title={themeWords + (followsSystem() ? ` · ${words.followsSystem}` : '')} onClick={toggleTheme}>
        <Icon name={shown === 'dark' ? 'sun' : 'moon'} />
      </button>
    </header>
  );
}

function Readiness({ status, now, lost }: { status: Status; now: number; lost: boolean }) {
  const bad = notReady(status);
  const off = clockOffset();
  return (
    <span class="readiness">
      {lost ? <StateShape shape="ring" tone="warn" />
        : bad ? <StateShape shape="triangle" tone="warn" /> : <StateShape shape="disc" tone="ok" />}
      <b>{lost ? words.lost : bad ? words.degraded : words.ready}</b>
      <span class="meta">
        {words.nPipelines(bad && !lost ? bad : status.pipelines.length)} · {words.up(duration(now - status.started))}
        {Math.abs(off) > 2000 && (
          <span title={words.clockOffLong}> · {words.clockOff(`${off > 0 ? '+' : '\u2212'}${fixed(Math.abs(off) / 1000, 0)}\u202fs`)}</span>
        )}
      </span>
    </span>
  );
}

export function Totals({ status, place }: { status: Status; place: string }) {
  const sum = totals(status);
  const balanced = sum.unbalanced.length === 0;
  const figure = (label: string, value: number, title: string, bad = false) => (
    <span class="total" title={title}>
      <span class="label">{label}</span> <b class={bad && value > 0 ? 'danger' : ''}>{short(value)}</b>
    </span>
  );
  return (
    <div class={`totals ${place}`}>
      {figure(words.in, sum.in, words.inLong(exact(sum.in)))}
      {figure(words.out, sum.written, words.outLong(exact(sum.written)))}
      {figure(words.late, sum.late, words.lateLong(exact(sum.late)))}
      {figure(words.failed, sum.failed, words.failedLong(exact(sum.failed)), true)}
      <span class={`balance ${balanced ? 'ok' : 'danger'}`}
        title={balanced ? words.balancedLong : words.notBalancedLong(sum.unbalanced.join(', '))}>
        <StateShape shape={balanced ? 'check' : 'octagon'} tone={balanced ? 'ok' : 'danger'} />
        {balanced ? words.balanced : words.notBalanced}
      </span>
    </div>
  );
}
