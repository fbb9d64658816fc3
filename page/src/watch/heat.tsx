// All layers in one picture: a row each, the most troubled first; how much an update changes them.
import { useEffect, useRef, useState } from "preact/hooks";
import { cividis } from "../colours";
import { EMPTY, fill, HIGH, Legend, LOW, ratio } from "../layers";
import type { Film } from "./film";
import { Buttons, hand, inked, png, quoted } from "./save";
import type { View } from "./spec";
import { safe } from "./svg";

const ROW = 16; // pixels
const FEW = 16; // rows, until somebody asks for all
const USUAL = -3;
const CELLS = 240; // columns in an SVG, at most

interface Given {
  film: Film;
  view: View;
  version: number;
}

export function Heat({ film, view, version }: Given) {
  const [all, setAll] = useState(false);
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = useRef<HTMLParagraphElement>(null);
  if (film.columns.length === 0) return null;
  const sorted = byTrouble(film);
  const rows = all ? sorted : sorted.slice(0, FEW);
  const words = inWords(film, sorted);
  const kinds: [string, () => void | Promise<void>][] = [
    ["PNG", () => png({ id: "layers", title: "Layers" }, canvas.current, (name) => inked(place.current!, name))],
    ["SVG", () => hand("layers.svg", "image/svg+xml", drawing(film, rows, view, words, (name) => inked(place.current!, name)))],
    ["CSV", () => hand("layers.csv", "text/csv", csv(film, view))],
  ];
  return (
    <section class="panel chart heat" aria-labelledby="chart-layers">
      <div class="title">
        <h2 id="chart-layers">Layers</h2>
        <span class="quiet">how much of a layer one update changes; the furthest from usual on top</span>
        {sorted.length > FEW && (
          <button type="button" aria-pressed={all} onClick={() => setAll(!all)}>All {sorted.length}</button>
        )}
      </div>
      <div class="strip">
        <ul aria-hidden="true">
          {rows.map((layer) => <li key={layer}><bdi>{film.layers[layer]}</bdi></li>)}
        </ul>
        <Strip canvas={canvas} film={film} rows={rows} view={view} version={version} words={words} />
      </div>
      <Legend />
      <details>
        <summary aria-label="Layers: numbers and files">Numbers and files</summary>
        <p>{words}</p>
        <Buttons title="Layers" kinds={kinds} place={place} />
        <div class="scrolls" tabIndex={0} role="group" aria-label="Layers in numbers" data-scrolls>
          <table class="numbers">
            <thead>
              <tr>
                <th scope="col">layer</th>
                <th scope="col">update / weight, newest</th>
                <th scope="col">median</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((layer) => (
                <tr key={layer}>
                  <td>{film.layers[layer]}</td>
                  <td>{ratio(newest(film)[layer])}</td>
                  <td>{ratio(median(film, layer))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <p class="quiet">About 0.001 is usual.</p>
      </details>
    </section>
  );
}

function newest(film: Film): Float32Array {
  return film.columns[film.columns.length - 1]!.values;
}

function median(film: Film, layer: number): number {
  const late = film.columns.slice(-40).map((one) => one.values[layer] ?? NaN).filter((one) => !Number.isNaN(one));
  late.sort((a, b) => a - b);
  return late[late.length >> 1] ?? NaN;
}

// The further its latest updates are from the usual size, the higher: a layer that never moves first.
function byTrouble(film: Film): number[] {
  const trouble = film.layers.map((_, layer) => {
    const log = median(film, layer);
    return Number.isNaN(log) ? 99 : Math.abs(log - USUAL);
  });
  return film.layers.map((_, i) => i).sort((a, b) => trouble[b]! - trouble[a]! || a - b);
}

function inWords(film: Film, sorted: number[]): string {
  const some = sorted.slice(0, 4).map((layer) => `${film.layers[layer]} ${ratio(median(film, layer))}`);
  return `Update to weight, the median of the latest; furthest from the usual 0.001: ${some.join(", ")}.`;
}

function Strip({ canvas, film, rows, view, version, words }: Given & {
  canvas: { current: HTMLCanvasElement | null };
  rows: number[];
  words: string;
}) {
  const late = useRef(0);
  const now = useRef({ film, rows, view });
  now.current = { film, rows, view };
  const draw = () => canvas.current && paint(canvas.current, now.current);
  useEffect(() => {
    if (late.current) return;
    late.current = window.setTimeout(() => {
      late.current = 0;
      draw();
    }, 150);
  }, [version, view.min, view.max, rows.length]);
  useEffect(() => {
    const size = new ResizeObserver(draw);
    size.observe(canvas.current!);
    return () => {
      size.disconnect();
      window.clearTimeout(late.current);
    };
  }, []);
  return (
    <canvas
      ref={canvas} role="img" style={{ height: `${ROW * rows.length}px` }}
      aria-label={`Layers against iteration. ${words}`}
    />
  );
}

interface Cell {
  from: number;
  to: number;
  values: Float32Array;
}

// Each column reaches to the next one, but not over a gap: between samples nothing is known.
function cells(film: Film, view: View, most: number): Cell[] {
  const found: Cell[] = [];
  const share = (view.max - view.min) / most;
  film.columns.forEach(({ iteration, values }, i) => {
    const next = film.columns[i + 1]?.iteration ?? iteration + 1;
    const cell = { from: iteration, to: Math.max(next, iteration + 1), values };
    if (cell.to < view.min || cell.from > view.max) return;
    const last = found[found.length - 1];
    if (last && cell.from - last.from < share) {
      last.to = cell.to;
      last.values = last.values.map((one, layer) => {
        const other = values[layer] ?? NaN; // the largest shows, for that is what does harm
        return Number.isNaN(one) || other > one ? other : one;
      });
    } else found.push(cell);
  });
  return found;
}

function box(value: number | undefined, x: number, y: number, wide: number, high: number): string {
  const part = (fill: string, top: number, tall: number) =>
    `<rect x="${x.toFixed(1)}" y="${top}" width="${wide.toFixed(1)}" height="${tall}" fill="${fill}"/>`;
  if (Number.isNaN(value ?? NaN)) return part(EMPTY, y, 1) + part(EMPTY, y + high - 1, 1);
  return part(cividis((value! - LOW) / (HIGH - LOW)), y, high);
}

function paint(canvas: HTMLCanvasElement, { film, rows, view }: { film: Film; rows: number[]; view: View }): void {
  const scale = devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * scale), ROW * scale * rows.length];
  if (!width) return;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const ctx = canvas.getContext("2d")!;
  ctx.clearRect(0, 0, width, height);
  const at = (x: number) => Math.round((width * (x - view.min)) / (view.max - view.min || 1));
  for (const cell of cells(film, view, canvas.clientWidth)) {
    const [left, right] = [Math.max(0, at(cell.from)), Math.min(width, at(cell.to))];
    rows.forEach((layer, row) => {
      fill(ctx, cell.values[layer], left, row * ROW * scale, Math.max(1, right - left), (ROW - 2) * scale);
    });
  }
}

function drawing(film: Film, rows: number[], view: View, words: string, ink: (name: string) => string): string {
  const [left, top, width, row] = [220, 44, 560, 16];
  const height = top + rows.length * row + 40;
  const at = (x: number) => left + (width * (x - view.min)) / (view.max - view.min || 1);
  const boxes = cells(film, view, CELLS).flatMap((cell) =>
    rows.map((layer, i) => {
      const [from, to] = [Math.max(left, at(cell.from)), Math.min(left + width, at(cell.to))];
      return box(cell.values[layer], from, top + i * row, Math.max(0.5, to - from), row - 2);
    }),
  );
  const names = rows.map(
    (layer, i) => `<text x="${left - 8}" y="${top + i * row + 11}" text-anchor="end" fill="${ink("quiet")}">${safe(film.layers[layer]!.slice(-32))}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 ${height}" width="800" height="${height}" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="12">`,
    '<title id="title">Layers</title>', `<desc id="desc">${safe(words)}</desc>`,
    `<rect width="800" height="${height}" fill="${ink("panel")}"/>`,
    `<text x="14" y="26" font-size="16" font-weight="600" fill="${ink("text")}">Layers</text>`,
    ...boxes, ...names,
    `<text x="${left}" y="${height - 16}" fill="${ink("quiet")}">iteration ${Math.round(view.min).toLocaleString("en")} to ${Math.round(view.max).toLocaleString("en")}</text>`,
    "</svg>", "",
  ].join("\n");
}

function csv(film: Film, view: View): string {
  const rows = [["iteration", ...film.layers.map(quoted)].join(",")];
  for (const { iteration, values } of film.columns) {
    if (iteration < view.min || iteration > view.max) continue;
    const told = film.layers.map((_, i) => values[i]).map((one) => (one === undefined || Number.isNaN(one) ? "" : +one.toFixed(3)));
    rows.push([iteration, ...told].join(","));
  }
  return [...rows, ""].join("\r\n");
}
