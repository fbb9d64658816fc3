// Data, and over them the line of the model or the areas it decides for.
import { cividis } from "./colours";
import { marker, tint } from "./markers";
import { number } from "./numbers";
import type { View } from "./pictures";
import { contour, plane, type Plane, polyline, type Span, within } from "./plane";
import type { Fitted } from "./protocol";

const SIZE = 4; // pixels, half of a marker

export function drawData(canvas: HTMLCanvasElement, view: View): void {
  if (view.data.shape === "line") drawLine(canvas, view);
  else drawAreas(canvas, view);
}

function drawLine(canvas: HTMLCanvasElement, view: View): void {
  const { data, first, fitted } = view;
  const xs = (data.inputs as (number | string)[]).map((one) => number(one as number));
  const ys = data.targets.map(number);
  const seen = [...ys, ...[fitted, first].flatMap((one) => (one?.ys ?? []).map(number))];
  const on = plane(canvas, span(fitted?.xs?.map(number) ?? xs), near(ys, seen), ["input", named(view)]);
  if (!on) return;
  const { ctx, scale } = on;
  within(on, () => {
    ctx.globalAlpha = xs.length > 150 ? 0.6 : 0.85;
    points(on, xs, ys, () => 0);
    ctx.globalAlpha = 1;
    if (first && fitted !== first) stroke(on, first, "quiet", 1.5, [4, 3]);
    if (fitted) {
      stroke(on, fitted, "panel", 6, []); // a rim, so that the line stands out from the points
      stroke(on, fitted, "text", 3, []);
    }
    ctx.lineWidth = scale;
  });
}

function stroke(on: Plane, line: Fitted, ink: string, width: number, dash: number[]): void {
  on.ctx.strokeStyle = on.ink(ink);
  on.ctx.lineWidth = width * on.scale;
  on.ctx.setLineDash(dash.map((one) => one * on.scale));
  polyline(on, (line.xs ?? []).map(number), (line.ys ?? []).map(number));
  on.ctx.setLineDash([]);
}

function named({ data }: View): string {
  return data.shows === "probability" ? "target, probability" : "target, prediction";
}

function drawAreas(canvas: HTMLCanvasElement, view: View): void {
  const { data, fitted } = view;
  const at = (data.inputs as [number, number][]).map(([a, b]) => [number(a), number(b)] as const);
  const xs = at.map(([a]) => a);
  const ys = at.map(([, b]) => b);
  const gx = fitted?.x?.map(number) ?? xs;
  const gy = fitted?.y?.map(number) ?? ys;
  const on = plane(canvas, span(gx), span(gy), ["first feature", "second feature"]);
  if (!on) return;
  within(on, () => {
    if (fitted?.values) areas(on, view, gx, gy, fitted.values.map((row) => row.map(number)));
    on.ctx.lineWidth = on.scale;
    on.ctx.setLineDash([]);
    const targets = data.targets.map(number);
    const range = span(targets);
    if (data.shape === "classes") points(on, xs, ys, (i) => data.classes.indexOf(targets[i]!));
    else points(on, xs, ys, () => 0, (i) => cividis((targets[i]! - range[0]) / (range[1] - range[0])));
  });
}

function areas(on: Plane, { data }: View, xs: number[], ys: number[], rows: number[][]): void {
  const { ctx } = on;
  const targets = span(data.targets.map(number));
  const forced = matchMedia("(forced-colors: active)").matches;
  rows.forEach((row, r) =>
    row.forEach((value, c) => {
      if (!Number.isFinite(value) || (forced && data.shape === "classes")) return;
      const [colour, alpha] = shade(value, data, targets);
      ctx.fillStyle = colour;
      ctx.globalAlpha = alpha;
      cell(on, xs, ys, r, c);
    }),
  );
  ctx.globalAlpha = 1;
  if (data.shape !== "classes") return;
  ctx.strokeStyle = on.ink("text");
  ctx.lineWidth = 2.5 * on.scale;
  if (data.parted !== null) contour(on, xs, ys, rows, data.parted);
  else for (const one of data.classes) contour(on, xs, ys, rows.map((row) => row.map((v) => +(v === one))), 0.5);
}

function shade(value: number, data: View["data"], [low, high]: Span): [string, number] {
  if (data.shape === "field") return [cividis((value - low) / (high - low)), 1];
  if (data.parted === null) return [tint(Math.max(0, data.classes.indexOf(value))), 0.28];
  const far = Math.abs(value - data.parted) / Math.max(1e-12, (high - low) / 2);
  return [tint(value < data.parted ? 0 : 1), 0.08 + 0.3 * Math.min(1, far)];
}

export function cell(on: Plane, xs: number[], ys: number[], r: number, c: number): void {
  const left = Math.round(on.x(edge(xs, c)));
  const top = Math.round(on.y(edge(ys, r + 1)));
  on.ctx.fillRect(left, top, Math.round(on.x(edge(xs, c + 1))) - left, Math.round(on.y(edge(ys, r))) - top);
}

// Where the cell of a place begins: the same number for two cells that touch.
function edge(places: number[], i: number): number {
  const [before, after] = [places[i - 1], places[i]];
  if (before !== undefined && after !== undefined) return (before + after) / 2;
  const half = (places[1]! - places[0]!) / 2;
  return after === undefined ? before! + half : after - half;
}

function points(
  on: Plane, xs: number[], ys: number[], place: (i: number) => number, fill?: (i: number) => string,
): void {
  on.ctx.strokeStyle = on.ink("text");
  on.ctx.lineWidth = 0.8 * on.scale;
  xs.forEach((x, i) => {
    on.ctx.fillStyle = fill ? fill(i) : tint(Math.max(0, place(i)));
    marker(on.ctx, Math.max(0, place(i)), on.x(x), on.y(ys[i]!), SIZE * on.scale);
  });
}

export function span(numbers: number[]): Span {
  const real = numbers.filter(Number.isFinite);
  const [low, high] = [Math.min(...real), Math.max(...real)];
  if (!(high > low)) return Number.isFinite(low) ? [low - 1, low + 1] : [-1, 1];
  return [low, high];
}

// All of the targets, and of the lines as much as leaves the targets in sight.
function near(targets: number[], seen: number[]): Span {
  const [low, high] = span(targets);
  const room = high - low;
  const [least, most] = span(seen);
  return [Math.max(least, low - 2 * room) - 0.06 * room, Math.min(most, high + 2 * room) + 0.06 * room];
}
