// The pictures in words and numbers, for whoever does not see them.
import { number, shown } from "./numbers";
import type { View } from "./pictures";

const ROWS = 12; // of a table

interface Rows {
  head: string[];
  body: (number | string | null)[][];
}

export function dataWords(view: View): string {
  const { data, fitted } = view;
  const count = `${data.more ? "The first " : ""}${data.targets.length} points`;
  if (!fitted) return `${count}; what the model makes of them is not drawn.`;
  if (data.shape === "line") {
    const far = misses(view);
    const [x, y] = [fitted.xs ?? [], (fitted.ys ?? []).map(number)];
    const ends = `from ${shown(y[0] ?? null)} at input ${shown(number(x[0] ?? 0))} to ${shown(y[y.length - 1] ?? null)} at ${shown(number(x[x.length - 1] ?? 0))}`;
    return `${count} and the model's line, ${ends}. On average a point lies ${shown(far, 3)} from it.`;
  }
  if (data.shape === "field") return `${count}; on average the model is ${shown(misses(view), 3)} off.`;
  const right = sides(view);
  const all = right.reduce((sum, [, , hit]) => sum + hit, 0);
  return `${count} of ${data.classes.length} classes; ${all} lie where the model decides for their own.`;
}

export function dataRows(view: View): Rows {
  const { data, fitted } = view;
  if (!fitted) return { head: [], body: [] };
  if (data.shape === "classes") {
    return { head: ["class", "points", "on their own side"], body: sides(view).map(([a, b, c]) => [`${a}`, `${b}`, `${c}`]) };
  }
  const every = Math.max(1, Math.ceil(data.targets.length / ROWS));
  const places = data.targets.map((_, i) => i).filter((i) => i % every === 0);
  const body = places.map((i) => [input(view, i), number(data.targets[i]!), answer(view, i)]);
  return { head: ["input", "target", "model"], body };
}

function input({ data }: View, i: number): number | string {
  const one = data.inputs[i]!;
  return Array.isArray(one) ? one.map((part) => shown(number(part))).join(", ") : number(one);
}

// Each class: how many points, how many of them where the model decides for it.
function sides(view: View): [number, number, number][] {
  const { data } = view;
  return data.classes.map((one) => {
    const mine = data.targets.map((_, i) => i).filter((i) => number(data.targets[i]!) === one);
    return [one, mine.length, mine.filter((i) => decided(view, i) === one).length];
  });
}

function decided(view: View, i: number): number | null {
  const { classes, parted } = view.data;
  const value = answer(view, i);
  if (value === null || parted === null) return value;
  return (value < parted ? classes[0] : classes[1]) ?? null;
}

function misses(view: View): number {
  const { targets } = view.data;
  const far = targets.map((one, i) => Math.abs(number(one) - (answer(view, i) ?? NaN)));
  return far.reduce((sum, one) => sum + one, 0) / far.length;
}

// What the model says at a point: read off the line, or off the nearest place of the grid.
function answer({ data, fitted }: View, i: number): number | null {
  const one = data.inputs[i]!;
  if (!Array.isArray(one)) {
    const [xs, ys] = [(fitted?.xs ?? []).map(number), (fitted?.ys ?? []).map(number)];
    const right = xs.findIndex((x) => x >= number(one));
    if (right < 0) return null;
    if (right === 0) return ys[0] ?? null;
    const share = (number(one) - xs[right - 1]!) / (xs[right]! - xs[right - 1]!);
    return ys[right - 1]! + share * (ys[right]! - ys[right - 1]!);
  }
  const row = fitted?.values?.[nearest((fitted.y ?? []).map(number), number(one[1]))];
  const value = row?.[nearest((fitted?.x ?? []).map(number), number(one[0]))];
  return value === undefined ? null : number(value);
}

function nearest(places: number[], value: number): number {
  let found = 0;
  places.forEach((one, i) => {
    if (Math.abs(one - value) < Math.abs(places[found]! - value)) found = i;
  });
  return found;
}

function height({ surface }: View, [a, b]: [number, number]): number | null {
  const { x, y, loss } = surface!;
  const out = a < x![0]! || a > x![x!.length - 1]! || b < y![0]! || b > y![y!.length - 1]!;
  const value = out ? undefined : loss![nearest(y!, b)]?.[nearest(x!, a)];
  return value === undefined ? null : number(value);
}

export function surfaceWords(view: View): string {
  const { surface, path } = view;
  const { names, x, y, loss } = surface!;
  const rows = loss!.map((row) => row.map(number));
  let [r, c] = [0, 0];
  rows.forEach((row, i) =>
    row.forEach((one, j) => {
      if (Number.isFinite(one) && !(one >= rows[r]![c]!)) [r, c] = [i, j];
    }),
  );
  const [from, to] = [path[0], path[path.length - 1]];
  const place = (one: [number, number]) => `(${shown(one[0])}, ${shown(one[1])})`;
  const lowest = `The loss over ${names[0]} and ${names[1]}: lowest, ${shown(rows[r]![c]!)}, near ${place([x![c]!, y![r]!])}.`;
  if (!from || !to || from === to) return `${lowest} The path begins at ${place(from?.at ?? [NaN, NaN])}.`;
  return `${lowest} The path goes from ${place(from.at)} to ${place(to.at)} in iteration ${to.iteration}.`;
}

export function pathRows(view: View): Rows {
  const { path, surface } = view;
  const every = Math.max(1, Math.ceil(path.length / ROWS));
  const kept = path.filter((_, i) => (path.length - 1 - i) % every === 0);
  const body = kept.map((one) => [`${one.iteration}`, ...one.at, height(view, one.at)]);
  return { head: ["iteration", ...surface!.names, "loss near there"], body };
}
