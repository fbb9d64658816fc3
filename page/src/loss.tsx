import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { type Before, lossAt } from "./before";
import { colour } from "./colours";
import { shown, unlogged } from "./numbers";
import type { Record } from "./record";
import type { Session } from "./session";
import { Swatch } from "./watch/chart";
import { labels } from "./watch/ticks";
import { course, lost } from "./words";

const HEIGHT = 190; // pixels
const ROWS = 12; // of the table
const GHOST = { ink: "quiet", dash: [6, 4] };

// Loss against iteration. It follows the run until somebody zooms.
export function Loss({ session, version }: { session: Session; version: number }) {
  const { record } = session;
  const { log } = session.link;
  const setLog = (on: boolean) => {
    session.link.log = on;
    session.changed();
  };
  const [follow, setFollow] = useState(true);
  const before = session.before?.shown ? session.before : null;
  const why = log ? unlogged(record.below + (before?.below ?? 0)) : "";
  const empty = record.iterations.length === 0;
  return (
    <section class="panel loss" aria-labelledby="loss-title">
      <div class="title">
        <h2 id="loss-title">Loss</h2>
        <button type="button" aria-pressed={log} onClick={() => setLog(!log)}>
          Log scale
        </button>
        {!empty && <Zoom set={setFollow} />}
        {!follow && (
          <button type="button" class="strong" onClick={() => setFollow(true)}>
            Follow
          </button>
        )}
      </div>
      {empty && <p class="quiet">One point for each iteration, as soon as there is one.</p>}
      {session.before && <Ghost session={session} before={session.before} />}
      {why && <p class="quiet">{why}</p>}
      <Plot
        key={log && !why ? "log" : "linear"} session={session} version={version} log={log && !why}
        follow={follow} leave={() => setFollow(false)}
      />
      {record.lost && <p class="lost">{lost(record)}</p>}
      <details>
        <summary>The curve in words and numbers</summary>
        <p>{course(record)}</p>
        {before && <p>{beside(before, record)}</p>}
        <Numbers record={record} before={before} />
      </details>
    </section>
  );
}

// The curve of the run before, by line and name; it can be switched off.
function Ghost({ session, before }: { session: Session; before: Before }) {
  return (
    <p class="ghost">
      <label>
        <input
          type="checkbox" checked={before.shown}
          onChange={() => {
            before.shown = !before.shown;
            session.changed();
          }}
        />
        <Swatch line={GHOST} />
        <span>{before.words(session.record)}</span>
      </label>
    </p>
  );
}

function beside(before: Before, record: Record): string {
  return `${before.words(record).replace(/^b/, "B")}. ${course(before.curve)}`;
}

// A mouse can draw over the chart to zoom; this is the same for a keyboard and for fingers.
function Zoom({ set }: { set: (follow: boolean) => void }) {
  const by = (share: number) => (event: MouseEvent) => {
    set(false);
    const panel = (event.currentTarget as Element).closest(".loss");
    panel?.querySelector(".plot")?.dispatchEvent(new CustomEvent("zoom", { detail: share }));
  };
  return (
    <>
      <button type="button" aria-label="Zoom in" onClick={by(0.5)}>+</button>
      <button type="button" aria-label="Zoom out" onClick={by(2)}>−</button>
    </>
  );
}

function Numbers({ record, before }: { record: Record; before: Before | null }) {
  const longer = (before?.iterations.length ?? 0) > record.iterations.length ? before! : record;
  const every = Math.max(1, Math.ceil(longer.iterations.length / ROWS));
  const rows: number[] = [];
  for (let i = longer.iterations.length - 1; i >= 0; i -= every) rows.unshift(longer.iterations[i]!);
  return (
    <table class="numbers">
      <thead>
        <tr>
          <th scope="col">iteration</th>
          <th scope="col">loss</th>
          {before && <th scope="col">before</th>}
        </tr>
      </thead>
      <tbody>
        {rows.map((i) => (
          <tr key={i}>
            <td>{i}</td>
            <td>{shown(lossAt(record, i))}</td>
            {before && <td>{shown(before.at(i))}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Drawn {
  session: Session;
  version: number;
  log: boolean;
  follow: boolean;
  leave: () => void;
}

function Plot({ session, version, log, follow, leave }: Drawn) {
  const { record } = session;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const late = useRef(0);
  const now = useRef({ follow, leave, session });
  now.current = { follow, leave, session };

  useEffect(() => {
    const element = box.current!;
    const one = new uPlot(options(element, log, now), [[], [], []], element);
    plot.current = one;
    const size = new ResizeObserver(() => {
      if (element.clientWidth) one.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    size.observe(element);
    const zoom = (event: Event) => zoomed(one, (event as CustomEvent<number>).detail);
    element.addEventListener("zoom", zoom);
    const redraw = () => one.redraw(false, true);
    const media = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((m) => matchMedia(m));
    media.forEach((m) => m.addEventListener("change", redraw));
    return () => {
      media.forEach((m) => m.removeEventListener("change", redraw));
      window.clearTimeout(late.current);
      size.disconnect();
      one.destroy();
    };
  }, []);

  // Each drawing costs with the length of the curve: a long one is drawn a few times a second.
  useEffect(() => {
    if (late.current) return;
    const count = record.iterations.length;
    late.current = window.setTimeout(
      () => {
        late.current = 0;
        const { session, follow } = now.current;
        update(plot.current!, session.record, session.before?.shown ? session.before : null, log, follow);
      },
      count < 2000 ? 0 : count < 20000 ? 150 : 600,
    );
  }, [version, follow]);

  const before = session.before?.shown ? ` ${beside(session.before, record)}` : "";
  return <div class="plot" ref={box} role="img" aria-label={`Loss against iteration. ${course(record)}${before}`} />;
}

function update(plot: uPlot, record: Record, before: Before | null, log: boolean, follow: boolean): void {
  const table = ({ iterations, losses }: Pick<Record, "iterations" | "losses">): uPlot.AlignedData => [
    iterations, losses.map((one) => (one === null || !Number.isFinite(one) || (log && one <= 0) ? null : one)),
  ];
  const own = table(record);
  const none: null[] = Array(record.iterations.length).fill(null); // to join tables takes its time
  plot.setData(before ? uPlot.join([table(before), own]) : [record.iterations, none, own[1]!], false);
  const xs = plot.data[0];
  const first = xs[0] ?? 0;
  const last = Math.max(xs[xs.length - 1] ?? 0, first + 10);
  const { min, max } = plot.scales.x!;
  if (follow || min === null || min === undefined) plot.setScale("x", { min: first, max: last });
  else plot.setScale("x", { min, max: max! });
}

function zoomed(plot: uPlot, share: number): void {
  const { min, max } = plot.scales.x!;
  const half = Math.max((share * (max! - min!)) / 2, 1);
  const middle = share < 1 ? max! - half : (min! + max!) / 2; // in: toward the newest
  plot.setScale("x", { min: Math.max(0, middle - half), max: middle + half });
}

type Now = { current: { follow: boolean; leave: () => void; session: Session } };

function options(box: HTMLElement, log: boolean, now: Now): uPlot.Options {
  const probe = box.ownerDocument.createElement("span");
  probe.hidden = true;
  box.append(probe);
  const ink = (name: string) => () => colour(probe, name);
  const axis = {
    stroke: ink("quiet"), font: "12px system-ui, sans-serif",
    grid: { stroke: ink("grid"), width: 1 }, ticks: { stroke: ink("grid"), width: 1, size: 4 },
  };
  return {
    width: box.clientWidth || 300,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: true, y: false }, points: { size: 7 }, focus: { prox: -1 } },
    scales: { x: { time: false, auto: false }, y: { distr: log ? 3 : 1 } },
    axes: [
      { ...axis, size: 32, values: (_, ticks) => ticks.map((one) => (Number.isInteger(one) ? String(one) : "")) },
      { ...axis, size: 58, values: (_, ticks) => labels(ticks) },
    ],
    series: [
      {},
      { stroke: ink(GHOST.ink), width: 1.5, dash: GHOST.dash, spanGaps: false, points: { show: false } },
      {
        stroke: ink("blue"), width: 2, spanGaps: false,
        points: {
          show: (plot) => plot.data[0].length < 80 || undefined!,
          size: 6, fill: ink("blue"),
        },
      },
    ],
    hooks: {
      setScale: [
        (plot, key) => {
          const { min, max } = plot.scales.x!;
          if (key === "x") box.dataset.shown = `${Math.round(min ?? 0)} to ${Math.round(max ?? 0)}`;
        },
      ],
      setSelect: [(plot) => plot.select.width > 0 && now.current.leave()],
      draw: [(plot) => marks(plot, now.current.session, probe)],
    },
  };
}

// On the curve: a band where the loss is no number, a flag for each finding, a line where one looks.
function marks(plot: uPlot, session: Session, probe: HTMLElement): void {
  const { record } = session;
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio || 1;
  const at = (iteration: number) => plot.valToPos(iteration, "x", true);
  const inside = (x: number) => x >= bbox.left - 1 && x <= bbox.left + bbox.width + 1;
  const line = (x: number, name: string, dash: number[]) => {
    ctx.strokeStyle = colour(probe, name);
    ctx.setLineDash(dash.map((one) => one * scale));
    ctx.lineWidth = 1.5 * scale;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  };
  const flag = (x: number, text: string, name: string, row: number) => {
    ctx.font = `bold ${11 * scale}px system-ui, sans-serif`;
    const width = ctx.measureText(text).width + 8 * scale;
    const left = Math.min(x, bbox.left + bbox.width - width);
    ctx.fillStyle = colour(probe, name);
    ctx.fillRect(left, bbox.top + row * 18 * scale, width, 16 * scale);
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.fillStyle = colour(probe, "panel");
    ctx.fillText(text, left + 4 * scale, bbox.top + (row * 18 + 12) * scale);
  };
  ctx.save();
  for (const [from, to] of gaps(record)) {
    const [left, right] = [at(from - 0.5), at(to + 0.5)];
    if (!inside(left) && !inside(right)) continue;
    ctx.fillStyle = colour(probe, "gap");
    ctx.fillRect(Math.max(left, bbox.left), bbox.top, Math.min(right, bbox.left + bbox.width) - Math.max(left, bbox.left), bbox.height);
    line(Math.max(left, bbox.left), "red", [3, 3]);
    flag(Math.max(left, bbox.left), `${shown(record.losses[record.iterations.indexOf(from)]!)} at ${from}`, "red", 0);
  }
  record.findings.forEach((one, i) => {
    const x = at(one.iteration);
    if (!inside(x)) return;
    line(x, "orange", [6, 3]);
    flag(x, String(i + 1), "orange", 1 + (i % 5));
  });
  const looked = session.past ? session.moment : null;
  if (looked && inside(at(looked.iteration))) line(at(looked.iteration), "text", [2, 2]);
  ctx.restore();
}

function gaps(record: Record): [number, number][] {
  const found: [number, number][] = [];
  if (record.breaks === 0) return found;
  record.losses.forEach((loss, i) => {
    if (loss === null || Number.isFinite(loss)) return;
    const iteration = record.iterations[i]!;
    const last = found[found.length - 1];
    if (last && last[1] === record.iterations[i - 1]) last[1] = iteration;
    else found.push([iteration, iteration]);
  });
  return found;
}
