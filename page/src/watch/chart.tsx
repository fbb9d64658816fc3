// One chart for all: lines with bands, or stacked areas, with the findings and the gaps on them.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colour } from "../colours";
import { shown, unlogged } from "../numbers";
import { Save } from "./save";
import { inWords, noLogarithm, part, percent, type Line, type Spec, type View } from "./spec";
import { thinned } from "./thin";
import { labels } from "./ticks";

const HEIGHT = 190; // pixels
const ROWS = 12; // of the table
const SYNC = uPlot.sync("fivestep-watch");

export interface Mark {
  x: number;
  text: string;
  ink: string;
  lit?: boolean;
}

interface Shown {
  spec: Spec;
  view: View;
  log: boolean;
  marks: Mark[];
  zoom: (view: View) => void;
  version: number;
}

export function Chart(asked: Shown) {
  const { spec } = asked;
  const why = asked.log && !spec.stacked ? unlogged(noLogarithm(spec)) : "";
  const props = why ? { ...asked, log: false } : asked;
  const words = inWords(spec);
  const canvas = useRef<(() => HTMLCanvasElement | null) | null>(null);
  return (
    <section class={`panel chart ${spec.id}`} aria-labelledby={`chart-${spec.id}`}>
      <div class="title">
        <h2 id={`chart-${spec.id}`}>{spec.title}</h2>
        <span class="quiet">{spec.hint}</span>
      </div>
      {spec.keyed && <Keys spec={spec} />}
      {why && <p class="quiet">{why}</p>}
      <Plot key={structure(props)} {...props} words={words} canvas={canvas} />
      <p class="readout quiet" aria-hidden="true" />
      <details>
        <summary aria-label={`${spec.title}: numbers and files`}>Numbers and files</summary>
        <p>{words || "Nothing yet."}</p>
        <Save spec={spec} view={props.view} log={props.log} words={words} canvas={canvas} />
        <Numbers spec={spec} />
      </details>
    </section>
  );
}

function structure({ spec, log }: Shown): string {
  const lines = spec.lines.map((line) => `${line.name} ${line.ink} ${line.lows ? "band" : ""}`);
  return `${log && !spec.stacked} ${lines.join()}`;
}

// Beside each name the line as it is drawn: colour and dash, or colour and hatch.
function Keys({ spec }: { spec: Spec }) {
  return (
    <ul class="keys" aria-hidden={spec.stacked ? undefined : "true"}>
      {spec.lines.map((line) => (
        <li key={line.name}>
          <Swatch line={line} />
          {line.name}
          {spec.stacked && <b> {percent(line.mean ?? null)}</b>}
        </li>
      ))}
    </ul>
  );
}

export function Swatch({ line }: { line: Pick<Line, "ink" | "dash" | "hatch"> }) {
  return (
    <svg width="30" height="12" aria-hidden="true" style={{ color: `var(--${line.ink})` }}>
      {line.hatch === undefined ? (
        <line x1="1" x2="29" y1="6" y2="6" stroke="currentColor" stroke-width="2.5" stroke-dasharray={line.dash.join(" ")} />
      ) : (
        <>
          <rect x="0" y="0" width="30" height="12" fill="currentColor" />
          <path d={hatching(line.hatch, 30, 12)} stroke="var(--panel)" stroke-width="1.5" fill="none" />
        </>
      )}
    </svg>
  );
}

// None, rising, falling, upright, level: in the order of the kinds, so that neighbours differ.
export function hatching(kind: number, width: number, height: number, gap = 6): string {
  const way = kind % 5;
  let path = "";
  if (way === 1) for (let x = -height; x < width; x += gap) path += `M${x} ${height}L${x + height} 0`;
  if (way === 2) for (let x = 0; x < width + height; x += gap) path += `M${x} ${height}L${x - height} 0`;
  if (way === 3) for (let x = gap / 2; x < width; x += gap) path += `M${x} 0L${x} ${height}`;
  if (way === 4) for (let y = gap / 2; y < height; y += gap) path += `M0 ${y}L${width} ${y}`;
  return path;
}

function Numbers({ spec }: { spec: Spec }) {
  const longest = spec.lines.reduce((a, b) => (b.xs.length > a.xs.length ? b : a), spec.lines[0]!);
  const every = Math.max(1, Math.ceil(longest.xs.length / ROWS));
  const rows: number[] = [];
  for (let i = longest.xs.length - 1; i >= 0; i -= every) rows.unshift(longest.xs[i]!);
  const at = (line: Line, x: number) => {
    const place = line.xs.findLastIndex((one) => one <= x);
    return place < 0 ? null : place;
  };
  return (
    <div class="scrolls" tabIndex={0} role="group" aria-label={`${spec.title} in numbers`} data-scrolls>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">iteration</th>
            {spec.lines.map((line) => <th scope="col" key={line.name}>{line.name}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map((x) => (
            <tr key={x}>
              <td>{x}</td>
              {spec.lines.map((line, i) => {
                const place = at(line, x);
                const value = place === null ? null : part(spec, i, place);
                return <td key={line.name}>{spec.stacked ? percent(value) : shown(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type Drawn = Shown & { words: string; canvas: { current: (() => HTMLCanvasElement | null) | null } };

function Plot(props: Drawn) {
  const { spec, version, view } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const late = useRef(0);
  const now = useRef(props);
  now.current = props;

  useEffect(() => {
    const element = box.current!;
    const one = new uPlot(options(element, now), [[]], element);
    plot.current = one;
    props.canvas.current = () => one.ctx.canvas;
    const size = new ResizeObserver(() => {
      if (element.clientWidth) one.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    size.observe(element);
    const redraw = () => one.redraw(false, true);
    const media = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((m) => matchMedia(m));
    media.forEach((m) => m.addEventListener("change", redraw));
    return () => {
      media.forEach((m) => m.removeEventListener("change", redraw));
      window.clearTimeout(late.current);
      SYNC.unsub(one);
      size.disconnect();
      one.destroy();
    };
  }, []);

  // Each drawing costs with the length of the curve: a long one is drawn a few times a second.
  useEffect(() => {
    if (late.current) return;
    const count = spec.lines.reduce((sum, line) => sum + line.xs.length, 0);
    late.current = window.setTimeout(
      () => {
        late.current = 0;
        if (plot.current) update(plot.current, now.current);
      },
      count < 2000 ? 0 : count < 20000 ? 200 : 600,
    );
  }, [version, view.min, view.max, props.marks]);

  const label = `${spec.title} against iteration. ${props.words}`;
  return <div class="plot" ref={box} role="img" aria-label={label} data-shown={`${view.min} to ${view.max}`} />;
}

type Columns = (number | null | undefined)[];

function update(plot: uPlot, { spec, view, log }: Drawn): void {
  const real = (y: number | null) =>
    y === null || !Number.isFinite(y) || (log && !spec.stacked && y <= 0) ? null : y;
  const tables = spec.lines.map((line) => {
    const { xs, ys, lows, highs } = thinned(line, view, plot.bbox.width || 600);
    const columns: Columns[] = [ys.map(real)];
    if (line.lows) columns.push(lows!.map(real), highs!.map(real));
    return [xs, ...columns] as uPlot.AlignedData;
  });
  plot.batch(() => {
    plot.setData(tables.length === 1 ? tables[0]! : uPlot.join(tables), false);
    plot.setScale("x", view);
  });
}

function options(box: HTMLElement, now: { current: Drawn }): uPlot.Options {
  const { spec, log } = now.current;
  const probe = box.ownerDocument.createElement("span");
  probe.hidden = true;
  box.append(probe);
  const ink = (name: string) => () => colour(probe, name);
  const axis = {
    stroke: ink("quiet"), font: "12px system-ui, sans-serif",
    grid: { stroke: ink("grid"), width: 1 }, ticks: { stroke: ink("grid"), width: 1, size: 4 },
  };
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  for (const line of spec.lines) {
    const few: uPlot.Series.Points.Show = (plot) => plot.data[0].length < 40 || undefined!;
    series.push({
      label: line.name, stroke: ink(line.ink), width: spec.stacked ? 1 : (line.width ?? 2), dash: line.dash, spanGaps: false,
      points: spec.stacked ? { show: false } : { show: few, size: 6, fill: ink(line.ink) },
      ...(spec.stacked && { fill: (plot: uPlot) => area(plot, probe, line) }),
    });
    if (!line.lows) continue;
    const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false }, spanGaps: false };
    series.push(edge, { ...edge });
    bands.push({ series: [series.length - 1, series.length - 2], fill: ink("band") });
  }
  return {
    width: box.clientWidth || 300,
    height: HEIGHT,
    legend: { show: false },
    cursor: {
      drag: { x: true, y: false, setScale: false }, points: { size: 7 }, focus: { prox: -1 },
      sync: { key: SYNC.key, setSeries: false, scales: ["x", null] },
    },
    scales: {
      x: { time: false, auto: false },
      y: {
        distr: log && !spec.stacked ? 3 : 1,
        ...(spec.stacked ? { range: [0, 1] as [number, number] } : {}),
        ...(spec.whole && !spec.stacked && !log ? { range: (_: uPlot, __: number, max: number) => [0, (max || 1) * 1.05] as [number, number] } : {}),
      },
    },
    axes: [
      { ...axis, size: 32, values: (_, ticks) => ticks.map((one) => (Number.isInteger(one) ? one.toLocaleString("en") : "")) },
      { ...axis, size: 58, values: (_, ticks) => (spec.stacked ? ticks.map(percent) : labels(ticks)) },
    ],
    series, bands,
    hooks: {
      setCursor: [(plot) => read(plot, box, now.current)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 3) return;
          const min = Math.max(0, plot.posToVal(plot.select.left, "x"));
          const max = plot.posToVal(plot.select.left + plot.select.width, "x");
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (max - min >= 1) now.current.zoom({ min, max });
        },
      ],
      draw: [(plot) => drawMarks(plot, now.current.marks, probe)],
    },
  };
}

function area(plot: uPlot, probe: HTMLElement, line: Line): CanvasPattern | string {
  const scale = devicePixelRatio || 1;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 12 * scale;
  const ctx = tile.getContext("2d")!;
  ctx.fillStyle = colour(probe, line.ink);
  ctx.fillRect(0, 0, tile.width, tile.height);
  ctx.strokeStyle = colour(probe, "panel");
  ctx.lineWidth = 1.2 * scale;
  ctx.stroke(new Path2D(hatching(line.hatch ?? 0, tile.width, tile.height, 6 * scale)));
  return plot.ctx.createPattern(tile, "repeat") ?? colour(probe, line.ink);
}

// Under the chart: the values where the pointer is.
function read(plot: uPlot, box: HTMLElement, { spec }: Drawn): void {
  const readout = box.parentElement?.querySelector(".readout");
  if (!readout) return;
  const left = plot.cursor.left ?? -1;
  if (left < 0) {
    readout.textContent = "";
    return;
  }
  const x = plot.posToVal(left, "x");
  const told = spec.lines.map((line, i) => {
    const place = nearest(line.xs, x);
    if (place < 0) return "";
    const value = part(spec, i, place);
    return `${spec.lines.length > 1 ? `${line.name} ` : ""}${spec.stacked ? percent(value) : shown(value)}`;
  });
  readout.textContent = `iteration ${Math.round(x).toLocaleString("en")}: ${told.filter(Boolean).join(", ")}`;
}

export function nearest(xs: number[], x: number): number {
  let low = 0;
  let high = xs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low > 0 && x - xs[low - 1]! < xs[low]! - x ? low - 1 : xs.length ? low : -1;
}

function drawMarks(plot: uPlot, marks: Mark[], probe: HTMLElement): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio || 1;
  ctx.save();
  marks.forEach((mark, row) => {
    const x = plot.valToPos(mark.x, "x", true);
    if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) return;
    ctx.strokeStyle = ctx.fillStyle = colour(probe, mark.ink);
    ctx.setLineDash(mark.lit ? [] : [6 * scale, 3 * scale]);
    ctx.lineWidth = (mark.lit ? 4 : 1.5) * scale;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (!mark.text) return;
    ctx.font = `bold ${11 * scale}px system-ui, sans-serif`;
    const width = ctx.measureText(mark.text).width + 8 * scale;
    const left = Math.min(x, bbox.left + bbox.width - width);
    const top = bbox.top + (row % 5) * 18 * scale;
    ctx.fillRect(left, top, width, 16 * scale);
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.fillStyle = colour(probe, "panel");
    ctx.fillText(mark.text, left + 4 * scale, top + 12 * scale);
  });
  ctx.restore();
}
