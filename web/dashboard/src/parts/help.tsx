import { useEffect, useRef } from 'preact/hooks';
import { keysOn, setKeysOn } from '../keys';
import { useValue } from '../value';
import { words } from '../words';
import { Icon } from './shapes';

export function Help({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const on = useValue(keysOn);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={onClose}
      onClick={(e) => e.target === dialog.current && dialog.current?.close()}>
      <div class="help-body">
        <div class="help-head">
          <h2 id="help-title">{words.helpTitle}</h2>
          <button class="icon-button" aria-label={words.close} onClick={() => dialog.current?.close()}><Icon name="close" /></button>
        </div>
        <dl>{words.helpKeys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
        <p>{words.helpPointer}</p>
        <label><input type="checkbox" checked={on} onChange={(e) => setKeysOn(e.currentTarget.checked)} /> {words.helpSwitch}</label>
      </div>
    </dialog>
  );
}
