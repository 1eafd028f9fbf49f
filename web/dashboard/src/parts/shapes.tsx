// State shapes and icons. Shapes differ in form as well as in colour.
import type { JSX } from 'preact';

export type Shape = 'disc' | 'ring' | 'broken' | 'triangle' | 'octagon' | 'check' | 'bars';

const bodies: Record<Shape, JSX.Element> = {
  disc: <circle cx="5" cy="5" r="4" fill="currentColor" />,
  ring: <circle cx="5" cy="5" r="3.25" fill="none" stroke="currentColor" stroke-width="1.5" />,
  broken: <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" stroke-width="1.75" stroke-dasharray="3.2 2.3" />,
  triangle: <path d="M5 .6 9.8 9.4H.2z" fill="currentColor" />,
  octagon: <path d="M3.1 .4h3.8L9.6 3.1v3.8L6.9 9.6H3.1L.4 6.9V3.1z" fill="currentColor" />,
  check: <path d="M1.2 5.2 4 8l5-6" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" />,
  bars: <path d="M3 1.5v7M7 1.5v7" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" />,
};

export function StateShape({ shape, tone }: { shape: Shape; tone: 'ok' | 'warn' | 'danger' | 'quiet' }) {
  return (
    <svg class={`shape ${tone} ${shape}`} viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
      {bodies[shape]}
    </svg>
  );
}

const icons: Record<string, string> = {
  find: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 14 14',
  overview: 'M2.5 2.5v11h11M5 9.5l2.5-3 2 1.5 3.5-4.5',
  help: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM6.2 6.3a1.9 1.9 0 1 1 2.7 1.7c-.6.3-.9.6-.9 1.2M8 11.3v.2',
  moon: 'M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1.2v1.3M8 13.5v1.3M1.2 8h1.3M13.5 8h1.3M3.2 3.2l.9.9M11.9 11.9l.9.9M3.2 12.8l.9-.9M11.9 4.1l.9-.9',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.2v9.6L12.5 8z',
  close: 'M4 4l8 8M12 4l-8 8',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  refused: 'M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM6 6l4 4M10 6l-4 4',
  reset: 'M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3',
};

export function Icon({ name }: { name: keyof typeof icons | string }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={icons[name] ?? ''} fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <path class="mark-main" d="M2 4.5h4.5c4 0 3.5 5.5 7.5 5.5M2 15.5h4.5c4 0 3.5-5.5 7.5-5.5H18" />
      <path class="mark-side" d="M12.5 4.5H18M12.5 15.5H18" />
    </svg>
  );
}
