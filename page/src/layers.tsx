import { useEffect, useRef } from "preact/hooks";
import { cividis } from "./colours";
import { shown } from "./numbers";
import type { Record } from "./record";
import type { Session } from "./session";

const ROW = 18; // pixels a layer, of few
const MANY = 24; // layers; more than these share the height, and their names stand in the table
export const [LOW, HIGH] = [-6, 0]; // log10 of update to weight, the ends of the scale
export const EMPTY = "#808890"; // of the two lines around what is not known; seen on light and on dark

// Every layer a row, every iteration a column: how much of itself an update changes.
export function Layers({ session, version }: { session: Session; version: number }) {
  const { record } = session;
  if (record.layers.length === 0) return null;
  return (
    <section class="panel layers" aria-labelledby="layers-title">
      <div class="title">
        <h2 id="layers-title">Layers</h2>
        <span class="quiet">how much of a layer one update changes</span>
      </div>
      <div class="strip">
        <ul aria-hidden="true">
          {record.layers.length <= MANY ? (
            record.layers.map((name) => <li key={name}><bdi>{name}</bdi></li>)
          ) : (
            <li>{record.layers.length} layers</li>
          )}
        </ul>
        <Strip record={record} version={version} />
      </div>
      <Legend />
      <details>
        <summary>The newest column in numbers</summary>
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">layer</th>
              <th scope="col">update / weight</th>
            </tr>
          </thead>
          <tbody>
            {record.layers.map((name, i) => (
              <tr key={name}>
                <td>{name}</td>
                <td>{ratio(newest(record)[i])}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <p class="quiet">About 0.001 is usual.</p>
      </details>
    </section>
  );
}

export function Legend() {
  return (
    <div class="legend" aria-hidden="true">
      <span>1 in a million</span>
      <span class="ramp">
        {[...Array(24).keys()].map((i) => <span key={i} style={{ background: cividis(i / 23) }} />)}
      </span>
      <span>all of it</span>
      <span class="unknown" />
      <span>no update, or not known</span>
    </div>
  );
}

// A cell of a strip; one that nothing is known of is empty, between two lines.
export function fill(ctx: CanvasRenderingContext2D, log: number | undefined, x: number, y: number, wide: number, high: number): void {
  const known = !Number.isNaN(log ?? NaN);
  ctx.fillStyle = known ? cividis((log! - LOW) / (HIGH - LOW)) : EMPTY;
  if (known) ctx.fillRect(x, y, wide, high);
  else for (const line of [y, y + high - devicePixelRatio]) ctx.fillRect(x, line, wide, devicePixelRatio);
}

function newest(record: Record): Float32Array {
  return record.updates[record.updates.length - 1] ?? new Float32Array();
}

export function ratio(log: number | undefined): string {
  return log === undefined || Number.isNaN(log) ? "none" : shown(10 ** log, 2);
}

function Strip({ record, version }: { record: Record; version: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const late = useRef(0);
  const now = useRef(record);
  now.current = record;
  useEffect(() => {
    if (late.current) return;
    late.current = window.setTimeout(() => {
      late.current = 0;
      if (canvas.current) paint(canvas.current, now.current);
    }, 80);
  }, [version]);
  useEffect(() => {
    const size = new ResizeObserver(() => canvas.current && paint(canvas.current, now.current));
    size.observe(canvas.current!);
    return () => {
      size.disconnect();
      window.clearTimeout(late.current);
    };
  }, []);
  return (
    <canvas
      ref={canvas} role="img" style={{ height: `${tall(record) * record.layers.length}px` }}
      aria-label={`Update to weight of each layer in the newest iteration: ${words(record)}.`}
    />
  );
}

function tall(record: Record): number {
  const count = record.layers.length;
  return count <= MANY ? ROW : Math.max(3, Math.floor((MANY * ROW) / count));
}

function words(record: Record): string {
  const column = newest(record);
  const told = record.layers.map((name, i) => ({ name, log: column[i] ?? NaN }));
  const known = told.filter((one) => !Number.isNaN(one.log)).sort((a, b) => a.log - b.log);
  const some = known.length > MANY ? [...known.slice(0, 3), ...known.slice(-3)] : told;
  const which = some === told ? "" : "the smallest and the largest three: ";
  return which + some.map((one) => `${one.name} ${ratio(one.log)}`).join(", ");
}

function paint(canvas: HTMLCanvasElement, record: Record): void {
  const scale = devicePixelRatio || 1;
  const row = tall(record) * scale;
  const [width, height] = [canvas.clientWidth * scale, row * record.layers.length];
  if (!width) return;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const ctx = canvas.getContext("2d")!;
  ctx.clearRect(0, 0, width, height);
  const count = Math.max(record.updates.length, 40); // a short run does not fill the strip at once
  const cells = Math.min(count, Math.floor(width / scale));
  for (let cell = 0; cell < cells; cell++) {
    const from = Math.floor((cell * count) / cells);
    const to = Math.floor(((cell + 1) * count) / cells);
    const [left, right] = [Math.floor((cell * width) / cells), Math.floor(((cell + 1) * width) / cells)];
    if (from >= record.updates.length) break;
    record.layers.forEach((_, layer) => {
      const value = largest(record, layer, from, to);
      fill(ctx, value, left, layer * row, right - left, row > 8 * scale ? row - 2 * scale : row);
    });
  }
}

// Several iterations share a cell on a long run: the largest shows, for that is what does harm.
function largest(record: Record, layer: number, from: number, to: number): number {
  let found = NaN;
  for (let i = from; i < to && i < record.updates.length; i++) {
    const value = record.updates[i]![layer];
    if (value !== undefined && !(value <= found) && !Number.isNaN(value)) found = value;
  }
  return found;
}
