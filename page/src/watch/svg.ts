// A chart as SVG: paths and text, no picture inside; a title and a description for who cannot see it.
import { hatching } from "./chart";
import { percent, type Line, type Spec, type View } from "./spec";
import { thinned } from "./thin";
import { labels } from "./ticks";

export type Ink = (name: string) => string;

const [WIDTH, HEIGHT] = [800, 400];
const BOX = { left: 66, top: 44, width: 714, height: 270 };

export function drawing(spec: Spec, view: View, log: boolean, words: string, ink: Ink): string {
  const logarithmic = log && !spec.stacked;
  const lines = spec.lines.map((line) => thinned(line, view, 2 * BOX.width));
  const [low, high] = span(lines, spec, view, logarithmic);
  const way = (y: number) => (logarithmic ? Math.log10(y) : y);
  const [bottom, top] = [way(low), way(high)];
  const atX = (x: number) => BOX.left + (BOX.width * (x - view.min)) / (view.max - view.min || 1);
  const atY = (y: number) => BOX.top + BOX.height * (1 - (way(y) - bottom) / (top - bottom || 1));
  const real = (y: number | null) => y !== null && Number.isFinite(y) && !(logarithmic && y <= 0);
  const path = (line: Line) => {
    let open = false;
    let found = "";
    line.ys.forEach((y, i) => {
      if (!real(y)) open = false;
      else {
        found += `${open ? "L" : "M"}${atX(line.xs[i]!).toFixed(1)} ${atY(y!).toFixed(1)}`;
        open = true;
      }
    });
    return found;
  };
  const shapes = lines.map((line, i) => {
    if (!spec.stacked) {
      const dash = line.dash.length ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
      return `<path d="${path(line)}" fill="none" stroke="${ink(line.ink)}" stroke-width="2"${dash}/>`;
    }
    if (!line.xs.length) return "";
    const [first, last] = [atX(line.xs[0]!).toFixed(1), atX(line.xs[line.xs.length - 1]!).toFixed(1)];
    return `<path d="${path(line)}L${last} ${atY(0)}L${first} ${atY(0)}Z" fill="url(#hatch${i})"/>`;
  });
  const hatches = spec.stacked
    ? lines.map((line, i) => `<pattern id="hatch${i}" width="12" height="12" patternUnits="userSpaceOnUse"><rect width="12" height="12" fill="${ink(line.ink)}"/><path d="${hatching(line.hatch ?? 0, 12, 12)}" stroke="${ink("panel")}" stroke-width="1.2"/></pattern>`)
    : [];
  const ticksX = ticks(view.min, view.max, 6).filter(Number.isInteger);
  const ticksY = logarithmic ? decades(low, high) : ticks(low, high, 5);
  const namesY = spec.stacked ? ticksY.map(percent) : labels(ticksY);
  const grid = [
    ...ticksX.map((x) => mark(atX(x), true, x.toLocaleString("en"), ink)),
    ...ticksY.map((y, i) => mark(atY(y), false, namesY[i]!, ink)),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="12">`,
    `<title id="title">${safe(spec.title)}</title>`,
    `<desc id="desc">${safe(`${spec.title} against iteration. ${words}`)}</desc>`,
    `<defs><clipPath id="inside"><rect x="${BOX.left}" y="${BOX.top}" width="${BOX.width}" height="${BOX.height}"/></clipPath>${hatches.join("")}</defs>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="${ink("panel")}"/>`,
    `<text x="14" y="26" font-size="16" font-weight="600" fill="${ink("text")}">${safe(spec.title)}</text>`,
    ...grid,
    `<text x="${BOX.left + BOX.width}" y="${BOX.top + BOX.height + 36}" text-anchor="end" fill="${ink("quiet")}">iteration</text>`,
    `<g clip-path="url(#inside)">${shapes.join("")}</g>`,
    ...legend(lines, ink),
    "</svg>",
    "",
  ].join("\n");
}

function legend(lines: Line[], ink: Ink): string[] {
  let x = BOX.left;
  return lines.map((line, i) => {
    const at = x;
    x += 50 + 7 * line.name.length;
    const y = HEIGHT - 22;
    const dash = line.dash.length ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
    const key = line.hatch === undefined
      ? `<line x1="${at}" x2="${at + 28}" y1="${y}" y2="${y}" stroke="${ink(line.ink)}" stroke-width="2.5"${dash}/>`
      : `<rect x="${at}" y="${y - 6}" width="28" height="12" fill="url(#hatch${i})"/>`;
    return `${key}<text x="${at + 34}" y="${y + 4}" fill="${ink("text")}">${safe(line.name)}</text>`;
  });
}

function mark(at: number, upright: boolean, text: string, ink: Ink): string {
  const { left, top, width, height } = BOX;
  const place = at.toFixed(1);
  const line = upright
    ? `x1="${place}" x2="${place}" y1="${top}" y2="${top + height}"`
    : `x1="${left}" x2="${left + width}" y1="${place}" y2="${place}"`;
  const word = upright
    ? `x="${place}" y="${top + height + 18}" text-anchor="middle"`
    : `x="${left - 8}" y="${(at + 4).toFixed(1)}" text-anchor="end"`;
  return `<line ${line} stroke="${ink("grid")}"/><text ${word} fill="${ink("quiet")}">${safe(text)}</text>`;
}

function span(lines: Line[], spec: Spec, view: View, log: boolean): [number, number] {
  if (spec.stacked) return [0, 1];
  let [low, high] = [Infinity, -Infinity];
  for (const line of lines) {
    line.ys.forEach((y, i) => {
      const x = line.xs[i]!;
      if (y === null || !Number.isFinite(y) || x < view.min || x > view.max || (log && y <= 0)) return;
      low = Math.min(low, y);
      high = Math.max(high, y);
    });
  }
  if (low > high) return [log ? 0.1 : 0, 1];
  if (log) return [low / 1.2, high * 1.2];
  const room = 0.06 * (high - low || Math.abs(high) || 1);
  return [spec.whole ? Math.min(0, low) : low - room, high + room];
}

export function ticks(min: number, max: number, count: number): number[] {
  const rough = (max - min) / count || 1;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * size).find((one) => one >= rough)!;
  const found: number[] = [];
  for (let i = Math.ceil(min / step); i * step <= max; i++) found.push(+(i * step).toPrecision(12));
  return found;
}

function decades(low: number, high: number): number[] {
  const found: number[] = [];
  for (let i = Math.floor(Math.log10(low)); 10 ** i <= high; i++) {
    for (const one of [1, 2, 5]) if (one * 10 ** i >= low && one * 10 ** i <= high) found.push(one * 10 ** i);
  }
  return found.length > 8 ? found.filter((one) => Number.isInteger(+Math.log10(one).toFixed(9))) : found;
}

export function safe(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
