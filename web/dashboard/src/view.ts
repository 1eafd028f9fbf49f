// What the viewer chose. All of it lives in the URL fragment, so a link shows the same page.
import { Value } from './value';

export const ranges = [300000, 900000, 3600000, 86400000];
export const kDefaultRange = 900000;

export interface View {
  range: number | null; // null: as much as there is, up to kDefaultRange
  zoom: [number, number] | null;
  pausedAt: number | null;
  pipeline: string | null;
  attention: boolean;
  theme: 'light' | 'dark' | null;
  utc: boolean;
  hidden: Record<string, string[]>; // names of hidden series by chart
}

const kHide = 'hide.';

// Null where the text is no part of a URI: links are edited and cut.
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export function parse(fragment: string): View {
  const query = new URLSearchParams(fragment.replace(/^#/, ''));
  const number = (name: string) => {
    const value = Number(query.get(name));
    return query.get(name) && Number.isFinite(value) ? value : null;
  };
  const zoom = (query.get('zoom') ?? '').split('-').map(Number);
  const theme = query.get('theme');
  const hidden: Record<string, string[]> = {};
  for (const [key, value] of query) {
    if (key.startsWith(kHide)) hidden[key.slice(kHide.length)] = value.split(',').map(decoded).filter((name) => name !== null);
  }
  const range = number('range');
  return {
    range: range !== null && ranges.includes(range) ? range : null,
    zoom: zoom.length === 2 && zoom[0]! > 0 && zoom[1]! > zoom[0]! ? [zoom[0]!, zoom[1]!] : null,
    pausedAt: number('paused'),
    pipeline: query.get('pipeline'),
    attention: query.get('list') === 'attention',
    theme: theme === 'light' || theme === 'dark' ? theme : null,
    utc: query.get('tz') === 'utc',
    hidden,
  };
}

export function write(view: View): string {
  const query = new URLSearchParams();
  if (view.pipeline) query.set('pipeline', view.pipeline);
  if (view.range !== null) query.set('range', String(view.range));
  if (view.zoom) query.set('zoom', view.zoom.map(Math.round).join('-'));
  if (view.pausedAt !== null) query.set('paused', String(Math.round(view.pausedAt)));
  if (view.attention) query.set('list', 'attention');
  if (view.theme) query.set('theme', view.theme);
  if (view.utc) query.set('tz', 'utc');
  for (const [chart, names] of Object.entries(view.hidden)) {
    if (names.length) query.set(kHide + chart, names.map(encodeURIComponent).join(','));
  }
  return query.toString();
}

export const view = new Value<View>(parse(location.hash));

export function change(part: Partial<View>): void {
  const next = { ...view.get(), ...part };
  const fragment = write(next);
  const url = fragment ? `#${fragment}` : location.pathname + location.search;
  if (part.pipeline !== undefined) history.pushState(null, '', url);
  else history.replaceState(null, '', url);
  view.set(next);
}

window.addEventListener('hashchange', () => view.set(parse(location.hash)));
window.addEventListener('popstate', () => view.set(parse(location.hash)));

export function toggleSeries(chart: string, name: string, all: string[], solo: boolean): void {
  const hidden = view.get().hidden[chart] ?? [];
  let next: string[];
  if (solo) {
    const others = all.filter((n) => n !== name);
    const isSolo = !hidden.includes(name) && others.every((n) => hidden.includes(n));
    next = isSolo ? [] : others;
  } else {
    next = hidden.includes(name) ? hidden.filter((n) => n !== name) : [...hidden, name];
  }
  change({ hidden: { ...view.get().hidden, [chart]: next } });
}
