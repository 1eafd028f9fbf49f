// A canvas with axes, for the charts that we draw ourselves. All lengths are CSS pixels.
import type { Palette } from '../palette';

let measure: CanvasRenderingContext2D | null = null;
const measured = new Map<string, number>();

export function textWidth(text: string, font: string): number {
  const key = font + text;
  let width = measured.get(key);
  if (width === undefined) {
    measure ??= document.createElement('canvas').getContext('2d')!;
    measure.font = font;
    width = measure.measureText(text).width;
    if (measured.size > 2000) measured.clear();
    measured.set(key, width);
  }
  return width;
}

export interface Box {
  left: number; top: number; width: number; height: number;
}

export interface AxisTicks {
  at: number[]; // 0 to 1 along the axis
  labels: string[];
}

export class Surface {
  readonly canvas: HTMLCanvasElement;
  readonly ctx: CanvasRenderingContext2D;
  width = 0;
  height = 0;
  scale = 1;

  constructor(host: HTMLElement) {
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'surface';
    host.append(this.canvas);
    this.ctx = this.canvas.getContext('2d')!;
  }

  destroy(): void {
    this.canvas.remove();
  }

  resize(width: number, height: number): void {
    this.width = Math.floor(width);
    this.height = Math.floor(height);
  }

  // Clears; the canvas takes the size and density of now.
  begin(): void {
    this.scale = devicePixelRatio || 1;
    const w = Math.round(this.width * this.scale);
    const h = Math.round(this.height * this.scale);
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
      this.canvas.style.width = `${this.width}px`;
      this.canvas.style.height = `${this.height}px`;
    }
    this.ctx.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    this.ctx.clearRect(0, 0, this.width, this.height);
  }

  font(colours: Palette): string {
    return `11px ${colours.font}`;
  }

  // A pixel row or column for a hairline, so that it is sharp.
  snap(at: number): number {
    return (Math.round(at * this.scale - 0.5) + 0.5) / this.scale;
  }

  axes(box: Box, x: AxisTicks, y: AxisTicks, colours: Palette, both: boolean): void {
    const { ctx } = this;
    ctx.font = this.font(colours);
    ctx.lineWidth = 1;
    ctx.strokeStyle = colours.grid;
    ctx.beginPath();
    for (const at of y.at) {
      const row = this.snap(box.top + box.height * (1 - at));
      ctx.moveTo(box.left, row);
      ctx.lineTo(box.left + box.width, row);
    }
    if (both) {
      for (const at of x.at) {
        const column = this.snap(box.left + box.width * at);
        ctx.moveTo(column, box.top);
        ctx.lineTo(column, box.top + box.height);
      }
    }
    ctx.stroke();
    ctx.fillStyle = colours.text3;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'right';
    y.labels.forEach((label, i) => ctx.fillText(label, box.left - 8, box.top + box.height * (1 - y.at[i]!)));
    ctx.textAlign = 'center';
    ctx.textBaseline = 'top';
    x.labels.forEach((label, i) => {
      const at = box.left + box.width * x.at[i]!;
      const half = textWidth(label, ctx.font) / 2;
      if (at - half >= 0 && at + half <= this.width) ctx.fillText(label, at, box.top + box.height + 7);
    });
  }
}
