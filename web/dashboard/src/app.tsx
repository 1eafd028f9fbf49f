import { useEffect, useState } from 'preact/hooks';
import { feeds as feedsValue } from './feed';
import { startKeys } from './keys';
import { places } from './layout';
import { refused as refusedValue, spoken as spokenValue, status as statusValue } from './model';
import { ChartPanel } from './parts/chart_panel';
import { ConnectorsPanel, ErrorsPanel } from './parts/connectors';
import { Hint } from './parts/empty';
import { Header, Totals } from './parts/header';
import { Help } from './parts/help';
import { LostBar, RefusedBanner } from './parts/notices';
import { Sidebar } from './parts/sidebar';
import { Toolbar } from './parts/toolbar';
import { useValue } from './value';
import { change, view as viewValue } from './view';
import { words } from './words';

export function App() {
  const [menu, setMenu] = useState(false);
  const [help, setHelp] = useState(false);
  const [closed, setClosed] = useState<number | null>(null); // the refused reload the viewer closed
  const status = useValue(statusValue);
  const feeds = useValue(feedsValue);
  const view = useValue(viewValue);
  const refused = useValue(refusedValue);
  const spoken = useValue(spokenValue);

  useEffect(() => {
    startKeys(() => setHelp(true), () => {
      setMenu(false);
      if (viewValue.get().zoom) change({ zoom: null });
    });
  }, []);

  // A link to a pipeline that is no longer there leads to the overview.
  const isGone = status !== null && view.pipeline !== null && !status.pipelines.some((p) => p.name === view.pipeline);
  useEffect(() => {
    if (isGone) change({ pipeline: null });
  }, [isGone]);

  const shown = view.pipeline ? feeds.filter((f) => f.chart.pipeline === view.pipeline) : feeds;
  const placed = places(shown.map((f) => f.chart));
  const pipelines = (status?.pipelines ?? []).filter((p) => !view.pipeline || p.name === view.pipeline);
  const showRefused = refused && refused.at !== closed;
  return (
    <>
      <Header onMenu={() => setMenu(!menu)} onHelp={() => setHelp(true)} />
      <div class="body">
        <Sidebar open={menu} onClose={() => setMenu(false)} onShowRefused={() => setClosed(null)} />
        {menu && <div class="shade" onClick={() => setMenu(false)} />}
        <main>
          <LostBar />
          <Toolbar />
          {status && <Totals status={status} place="in-page" />}
          <div class="grid">
            {showRefused && <RefusedBanner onClose={() => setClosed(refused.at)} />}
            {shown.map((feed, i) => (
              <ChartPanel key={`${feed.chart.id} ${feed.chart.kind}`} feed={feed} place={placed[i]!} />
            ))}
            {status && status.pipelines.length === 0 && (
              <Hint title={words.emptyTitle} text={words.emptyText} command={words.emptyCommand} />
            )}
            {status && pipelines.length > 0 && shown.length === 0 && (
              <Hint title={words.noCharts} text={words.noChartsText} command={words.noChartsCommand} />
            )}
            <ErrorsPanel pipelines={pipelines} />
            {pipelines.map((p) => <ConnectorsPanel key={p.name} pipeline={p} span={pipelines.length === 1 ? 12 : 6} />)}
          </div>
        </main>
      </div>
      {help && <Help onClose={() => setHelp(false)} />}
      <div class="hidden-text" aria-live="polite">{spoken}</div>
    </>
  );
}
