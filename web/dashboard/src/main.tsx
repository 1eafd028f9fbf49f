import { render } from 'preact';
import { App } from './app';
import { start } from './feed';
import { startClock } from './model';
import { startPalette } from './palette';
import { useUtc } from './times';
import { view } from './view';

useUtc(view.get().utc);
view.watch((next) => useUtc(next.utc));
startPalette();
startClock();
render(<App />, document.getElementById('app')!);
start();
