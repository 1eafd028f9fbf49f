// When charts draw: ten times a second on screen, twice off screen, never in a hidden tab.

export interface Drawable {
  visible: boolean;
  draw(): void;
}

const kFrameMs = 100;
const kHiddenPanelMs = 500;
const drawables = new Map<Drawable, number>(); // with when each was drawn last
let scheduled = false;

export function addDrawable(drawable: Drawable): () => void {
  drawables.set(drawable, 0);
  schedule();
  return () => drawables.delete(drawable);
}

// Draws at the next frame whatever the pace, after a resize or a change of theme.
export function drawSoon(drawable: Drawable): void {
  if (drawables.has(drawable)) drawables.set(drawable, 0);
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  let last = 0;
  const turn = (at: number) => {
    requestAnimationFrame(turn);
    if (document.hidden || at - last < kFrameMs - 4) return;
    last = at;
    for (const [drawable, drawnAt] of drawables) {
      if (!drawable.visible && at - drawnAt < kHiddenPanelMs) continue;
      drawables.set(drawable, at);
      drawable.draw();
    }
  };
  requestAnimationFrame(turn);
}
