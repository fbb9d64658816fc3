// A canvas with two axes: places in numbers become places in pixels.
import { colour } from "./colours";
import { trimmed } from "./numbers";

export type Span = [number, number];

export interface Plane {
  ctx: CanvasRenderingContext2D;
  scale: number; // device pixels to one of the page
  left: number;
  top: number;
  width: number;
  height: number;
  x: (value: number) => number;
  y: (value: number) => number;
  ink: (name: string) => string;
}

const [LEFT, BOTTOM, TOP, RIGHT] = [52, 38, 8, 10];

// Clears the canvas and lays the axes; null where there is no room yet.
export function plane(canvas: HTMLCanvasElement, xs: Span, ys: Span, names: [string, string]): Plane | null {
  const scale = devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
  if (!wide || !high) return null;
  if (canvas.width !== Math.round(wide)) canvas.width = Math.round(wide);
  if (canvas.height !== Math.round(high)) canvas.height = Math.round(high);
  const ctx = canvas.getContext("2d")!;
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, wide, high);
  const [left, top] = [LEFT * scale, TOP * scale];
  const [width, height] = [wide - left - RIGHT * scale, high - top - BOTTOM * scale];
  const probe = canvas.parentElement!.querySelector<HTMLElement>(".probe")!;
  const one: Plane = {
    ctx, scale, left, top, width, height,
    x: (value) => left + ((value - xs[0]) / (xs[1] - xs[0])) * width,
    y: (value) => top + height - ((value - ys[0]) / (ys[1] - ys[0])) * height,
    ink: (name) => colour(probe, name),
  };
  axes(one, xs, ys, names);
  return one;
}

function axes(on: Plane, xs: Span, ys: Span, names: [string, string]): void {
  const { ctx, scale } = on;
  const quiet = on.ink("quiet");
  const grid = on.ink("grid");
  ctx.font = `${12 * scale}px system-ui, sans-serif`;
  ctx.lineWidth = scale;
  const line = (x1: number, y1: number, x2: number, y2: number) => {
    ctx.strokeStyle = grid;
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
    ctx.stroke();
  };
  ctx.fillStyle = quiet;
  ctx.textBaseline = "top";
  ctx.textAlign = "center";
  for (const value of ticks(xs, on.width / scale / 70)) {
    line(on.x(value), on.top, on.x(value), on.top + on.height);
    ctx.fillText(trimmed(value), on.x(value), on.top + on.height + 4 * scale);
  }
  ctx.fillText(names[0], on.left + on.width / 2, on.top + on.height + 21 * scale);
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const value of ticks(ys, on.height / scale / 40)) {
    line(on.left, on.y(value), on.left + on.width, on.y(value));
    ctx.fillText(trimmed(value), on.left - 5 * scale, on.y(value));
  }
  ctx.save();
  ctx.translate(9 * scale, on.top + on.height / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.fillText(names[1], 0, 0);
  ctx.restore();
}

// Round numbers in a span, about so many.
export function ticks([low, high]: Span, about: number): number[] {
  const rough = (high - low) / Math.max(1, about);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10);
  const found: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high && found.length < 30; i++) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

// Everything drawn by this stays between the axes.
export function within(on: Plane, draw: () => void): void {
  on.ctx.save();
  on.ctx.beginPath();
  on.ctx.rect(on.left, on.top, on.width, on.height);
  on.ctx.clip();
  draw();
  on.ctx.restore();
}

export function polyline(on: Plane, xs: number[], ys: number[]): void {
  on.ctx.beginPath();
  let open = false;
  xs.forEach((x, i) => {
    const y = ys[i]!;
    if (!Number.isFinite(x) || !Number.isFinite(y)) open = false;
    else if (open) on.ctx.lineTo(on.x(x), clamp(on.y(y)));
    else {
      on.ctx.moveTo(on.x(x), clamp(on.y(y)));
      open = true;
    }
  });
  on.ctx.stroke();
}

function clamp(pixel: number): number {
  return Math.max(-1e5, Math.min(1e5, pixel)); // a canvas gives up on what is too far outside
}

// Where a grid of numbers passes a level: short pieces of line, cell by cell.
export function contour(on: Plane, xs: number[], ys: number[], rows: number[][], level: number): void {
  const { ctx } = on;
  ctx.beginPath();
  for (let r = 0; r + 1 < ys.length; r++) {
    for (let c = 0; c + 1 < xs.length; c++) {
      const corners: [number, number, number][] = [
        [xs[c]!, ys[r]!, rows[r]![c]!], [xs[c + 1]!, ys[r]!, rows[r]![c + 1]!],
        [xs[c + 1]!, ys[r + 1]!, rows[r + 1]![c + 1]!], [xs[c]!, ys[r + 1]!, rows[r + 1]![c]!],
      ];
      const hits: [number, number][] = [];
      corners.forEach(([ax, ay, a], i) => {
        const [bx, by, b] = corners[(i + 1) % 4]!;
        if (Number.isFinite(a) && Number.isFinite(b) && a < level !== b < level) {
          const share = (level - a) / (b - a);
          hits.push([ax + share * (bx - ax), ay + share * (by - ay)]);
        }
      });
      for (let i = 0; i + 1 < hits.length; i += 2) {
        ctx.moveTo(on.x(hits[i]![0]), on.y(hits[i]![1]));
        ctx.lineTo(on.x(hits[i + 1]![0]), on.y(hits[i + 1]![1]));
      }
    }
  }
  ctx.stroke();
}
