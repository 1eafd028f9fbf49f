// The drawn points as a table that only screen readers see. It follows the data every ten seconds.
import { useEffect, useState } from 'preact/hooks';
import type { ChartFeed } from '../chart_feed';
import { exact, fixed } from '../numbers';
import { hourMinuteSecond } from '../times';
import { words } from '../words';

const kRowsMax = 40;
const kEveryMs = 10000;

interface Table {
  head: string[];
  rows: string[][];
}

export function DataTable({ feed, decimals }: { feed: ChartFeed; decimals: number }) {
  const [table, setTable] = useState<Table>({ head: [], rows: [] });
  const loaded = feed.seq !== null;
  useEffect(() => {
    if (!loaded) return;
    const fill = () => {
      if (!document.hidden) setTable(make(feed, decimals));
    };
    fill();
    const timer = setInterval(fill, kEveryMs);
    return () => clearInterval(timer);
  }, [feed, loaded, decimals]);
  if (!table.rows.length) return null;
  return (
    <div class="hidden-text"><table>
      <caption>{feed.chart.title}</caption>
      <thead><tr>{table.head.map((h) => <th key={h} scope="col">{h}</th>)}</tr></thead>
      <tbody>{table.rows.map((row, i) => <tr key={i}>{row.map((cell, k) => <td key={k}>{cell}</td>)}</tr>)}</tbody>
    </table></div>
  );
}

function make(feed: ChartFeed, decimals: number): Table {
  const { chart, histogram: h } = feed;
  if (h) {
    const edge = (i: number) => fixed(h.start + i * h.width, decimals);
    return {
      head: [words.tableFrom, words.tableTo, words.tableCount],
      rows: h.counts.map((count, i) => [edge(i), edge(i + 1), exact(count)]),
    };
  }
  const xText = (x: number) => (chart.x_is_time ? hourMinuteSecond(x) : String(x));
  if (chart.kind === 'scatter') {
    const points = feed.series.list.flatMap((s) => s.x.slice(-kRowsMax).map((x, i, part) => [x, s.y[s.x.length - part.length + i]!] as const));
    return {
      head: [chart.x, chart.y[0] ?? ''],
      rows: points.slice(-kRowsMax).map(([x, y]) => [xText(x), y === null ? '–' : String(y)]),
    };
  }
  const list = feed.series.list.filter((s) => s.slot > 0).slice(0, 8);
  const times = [...new Set(list.flatMap((s) => s.x.slice(-kRowsMax)))].sort((a, b) => a - b).slice(-kRowsMax);
  const columns = list.map((s) => new Map(s.x.slice(-2 * kRowsMax).map((x, i, part) => [x, s.y[s.x.length - part.length + i]])));
  return {
    head: [chart.x_is_time ? words.tableTime : chart.x, ...list.map((s) => s.name)],
    rows: times.map((x) => [xText(x), ...columns.map((c) => fixed(c.get(x) ?? null, decimals))]),
  };
}
