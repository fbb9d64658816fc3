// A curve of very many points, as many as can be seen: of each stretch the lowest and the highest.
import type { Line, View } from "./spec";

const FEW = 4; // points for each pixel may stay

export function thinned(line: Line, view: View, width: number): Line {
  const from = Math.max(0, bisect(line.xs, view.min) - 1);
  const to = Math.min(line.xs.length, bisect(line.xs, view.max) + 2);
  const room = Math.max(200, Math.round(width)) * FEW;
  if (to - from <= room) return from === 0 && to === line.xs.length ? line : cut(line, range(from, to));
  const per = Math.ceil((2 * (to - from)) / room);
  const kept: number[] = [];
  for (let start = from; start < to; start += per) {
    const end = Math.min(start + per, to);
    let low = start;
    let high = start;
    let broken = -1;
    for (let i = start; i < end; i++) {
      const y = line.ys[i] ?? NaN;
      if (!Number.isFinite(y)) broken = i;
      else if (!(y >= (line.ys[low] ?? NaN))) low = i;
      else if (!(y <= (line.ys[high] ?? NaN))) high = i;
    }
    const some = new Set([low, high, ...(broken < 0 ? [] : [broken])]);
    kept.push(...[...some].sort((a, b) => a - b));
  }
  return cut(line, kept);
}

function cut(line: Line, kept: number[]): Line {
  const pick = <T,>(values: T[]) => kept.map((i) => values[i]!);
  return {
    ...line, xs: pick(line.xs), ys: pick(line.ys),
    ...(line.lows && { lows: pick(line.lows), highs: pick(line.highs!) }),
  };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}

export function bisect(xs: number[], x: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}
