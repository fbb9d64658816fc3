// The loss over two numbers of the model, and the path that the training takes over it.
import { cividis } from "./colours";
import { cell } from "./learnt-data";
import { number } from "./numbers";
import type { View } from "./pictures";
import { contour, plane, type Plane, polyline, within } from "./plane";

const LEVELS = 12;

export function drawSurface(canvas: HTMLCanvasElement, { surface, path }: View): void {
  if (!surface?.x || !surface.y || !surface.loss) return;
  const { x, y } = surface;
  const half = [(x[1]! - x[0]!) / 2, (y[1]! - y[0]!) / 2] as const;
  const on = plane(
    canvas, [x[0]! - half[0], x[x.length - 1]! + half[0]], [y[0]! - half[1], y[y.length - 1]! + half[1]],
    [surface.names[0] ?? "", surface.names[1] ?? ""],
  );
  if (!on) return;
  const rows = heights(surface.loss.map((row) => row.map(number)));
  within(on, () => {
    rows.forEach((row, r) =>
      row.forEach((height, c) => {
        on.ctx.fillStyle = Number.isFinite(height) ? cividis(height) : on.ink("gap");
        cell(on, x, y, r, c);
      }),
    );
    on.ctx.strokeStyle = "rgba(255,255,255,.45)";
    on.ctx.lineWidth = on.scale;
    for (let i = 1; i < LEVELS; i++) contour(on, x, y, rows, i / LEVELS);
    walk(on, path.map((one) => one.at));
  });
}

// Near the lowest place a small difference counts as much as a large one far off: a logarithm.
export function heights(rows: number[][]): number[][] {
  const real = rows.flat().filter(Number.isFinite);
  const [low, high] = [Math.min(...real), Math.max(...real)];
  const soft = Math.max((high - low) / 300, 1e-300);
  const log = (one: number) => Math.log((one - low) / soft + 1);
  return rows.map((row) => row.map((one) => log(one) / (log(high) || 1)));
}

function walk(on: Plane, path: [number, number][]): void {
  const { ctx, scale } = on;
  ctx.lineJoin = "round";
  for (const [width, ink] of [[5, "#000000"], [2.5, "#ffffff"]] as const) {
    ctx.lineWidth = width * scale;
    ctx.strokeStyle = ink;
    polyline(on, path.map(([a]) => a), path.map(([, b]) => b));
  }
  if (path.length < 60) path.slice(1, -1).forEach((one) => dot(on, one, 2.2, "#ffffff", "#000000"));
  if (path[0]) dot(on, path[0], 5.5, "#000000", "#ffffff"); // dark: where it began
  if (path.length > 0) dot(on, path[path.length - 1]!, 6.5, "#ffffff", "#d55e00"); // a ring: now
}

function dot(on: Plane, [a, b]: [number, number], size: number, fill: string, edge: string): void {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return;
  on.ctx.beginPath();
  on.ctx.arc(on.x(a), on.y(b), size * on.scale, 0, 7);
  on.ctx.fillStyle = fill;
  on.ctx.fill();
  on.ctx.lineWidth = (size > 3 ? 2.5 : 1) * on.scale;
  on.ctx.strokeStyle = edge;
  on.ctx.stroke();
}
