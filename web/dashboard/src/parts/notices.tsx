// What stands above everything: a refused reload, a lost daemon.
import { useEffect, useState } from 'preact/hooks';
import { tryNow } from '../feed';
import { link as linkValue, refused as refusedValue, status as statusValue } from '../model';
import { countdown } from '../numbers';
import { hourMinute, hourMinuteSecond } from '../times';
import { useValue } from '../value';
import { words } from '../words';
import { Icon, StateShape } from './shapes';

export function LostBar() {
  const link = useValue(linkValue);
  const [now, setNow] = useState(Date.now());
  const lost = link.state === 'lost';
  useEffect(() => {
    if (!lost) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [lost, link.retryAt]);
  if (!lost) return null;
  const wait = link.retryAt === null ? words.lostTrying : words.lostNext(countdown(link.retryAt - now));
  return (
    <div class="lost-bar" role="status">
      <StateShape shape="broken" tone="warn" />
      <b>{words.lost}</b><span class="wait">{wait}</span><span class="meaning">{words.lostMeaning}</span>
      <span class="grow" />
      <button class="button" onClick={tryNow}>{words.tryNow}</button>
    </div>
  );
}

export function RefusedBanner({ onClose }: { onClose: () => void }) {
  const reload = useValue(refusedValue);
  const status = useValue(statusValue);
  if (!reload) return null;
  const started = status?.reload?.loaded_at ?? status?.started;
  return (
    <section class="panel refused span-12" aria-label={words.reloadRefused}>
      <div class="panel-head">
        <Icon name="refused" />
        <h2>{words.reloadRefused} {started ? words.keepsRunning(hourMinute(started)) : words.keepsRunningBefore}</h2>
        <span class="subtitle">{hourMinuteSecond(reload.at)}</span>
        <span class="grow" />
        <button class="icon-button" aria-label={words.close} onClick={onClose}><Icon name="close" /></button>
      </div>
      <pre tabIndex={0}>{(reload.error ?? '').split('\n').map((line, i) => <CompilerLine key={i} line={line} />)}</pre>
    </section>
  );
}

// The compiler's own text; the word "error" with its code and the carets are red.
function CompilerLine({ line }: { line: string }) {
  const head = /^(error(?:\[\w+\])?)(:.*)$/.exec(line);
  if (head) return <><b class="danger">{head[1]}</b><b>{head[2]}</b>{'\n'}</>;
  const caret = /^(\s*\|?\s*)(\^.*)$/.exec(line);
  if (caret) return <><span class="rule">{caret[1]}</span><span class="danger">{caret[2]}</span>{'\n'}</>;
  const rule = /^(\s*(?:-->|\d+ \||\||=))(.*)$/.exec(line);
  if (rule) return <><span class="rule">{rule[1]}</span>{rule[2]}{'\n'}</>;
  return <>{line}{'\n'}</>;
}
