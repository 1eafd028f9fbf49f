// A value that can be watched: the only shared state of the page.
import { useEffect, useState } from 'preact/hooks';

export class Value<T> {
  private watchers = new Set<(value: T) => void>();

  constructor(private current: T) {}

  get(): T {
    return this.current;
  }

  set(next: T): void {
    if (Object.is(next, this.current)) return;
    this.current = next;
    for (const watcher of [...this.watchers]) watcher(next);
  }

  // Calls `watcher` after each change; the result ends that.
  watch(watcher: (value: T) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}

export function useValue<T>(value: Value<T>): T {
  const [, redraw] = useState(0);
  useEffect(() => {
    const seen = value.get();
    const end = value.watch(() => redraw((n) => n + 1));
    if (!Object.is(seen, value.get())) redraw((n) => n + 1);
    return end;
  }, [value]);
  return value.get();
}
