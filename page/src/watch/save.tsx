// A chart as a file, made in the browser: PNG as it is seen, SVG drawn anew, CSV with every digit.
import { useRef } from "preact/hooks";
import { colour } from "../colours";
import { part, type Spec, type View } from "./spec";
import { drawing, type Ink } from "./svg";

interface Given {
  spec: Spec;
  view: View;
  log: boolean;
  words: string;
  canvas: { current: (() => HTMLCanvasElement | null) | null };
}

export function Save(given: Given) {
  const here = useRef<HTMLParagraphElement>(null);
  const { spec } = given;
  const ink: Ink = (name) => inked(here.current!, name);
  const kinds: [string, () => void | Promise<void>][] = [
    ["PNG", () => png(spec, given.canvas.current?.() ?? null, ink)],
    ["SVG", () => hand(`${spec.id}.svg`, "image/svg+xml", drawing(spec, given.view, given.log, given.words, ink))],
    ["CSV", () => hand(`${spec.id}.csv`, "text/csv", csv(spec, given.view))],
  ];
  return <Buttons title={spec.title} kinds={kinds} place={here} />;
}

export function Buttons({ title, kinds, place }: {
  title: string;
  kinds: [string, () => void | Promise<void>][];
  place: { current: HTMLParagraphElement | null };
}) {
  return (
    <p class="saves" ref={place}>
      {kinds.map(([kind, save]) => (
        <button type="button" key={kind} aria-label={`Save ${title} as ${kind}`} onClick={() => void save()}>
          {kind}
        </button>
      ))}
    </p>
  );
}

// The colour in words that hold outside of the page, too.
export function inked(near: HTMLElement, name: string): string {
  const probe = near.ownerDocument.createElement("span");
  near.append(probe);
  const found = colour(probe, name);
  probe.remove();
  return found;
}

export function hand(name: string, kind: string, content: string | Blob): void {
  const blob = typeof content === "string" ? new Blob([content], { type: `${kind};charset=utf-8` }) : content;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function png(spec: { id: string; title: string; lines?: Spec["lines"] }, seen: HTMLCanvasElement | null, ink: Ink): Promise<void> {
  if (!seen) return;
  const scale = devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  const [head, foot] = [30 * scale, 26 * scale];
  [canvas.width, canvas.height] = [seen.width, seen.height + head + foot];
  const ctx = canvas.getContext("2d")!;
  ctx.fillStyle = ink("panel");
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(seen, 0, head);
  ctx.fillStyle = ink("text");
  ctx.font = `600 ${15 * scale}px system-ui, sans-serif`;
  ctx.fillText(spec.title, 10 * scale, 20 * scale);
  ctx.font = `${12 * scale}px system-ui, sans-serif`;
  let x = 10 * scale;
  for (const line of spec.lines ?? []) {
    ctx.strokeStyle = ink(line.ink);
    ctx.lineWidth = (line.hatch === undefined ? 2.5 : 9) * scale;
    ctx.setLineDash(line.dash.map((one) => one * scale));
    ctx.beginPath();
    ctx.moveTo(x, canvas.height - 12 * scale);
    ctx.lineTo(x + 24 * scale, canvas.height - 12 * scale);
    ctx.stroke();
    ctx.fillText(line.name, x + 30 * scale, canvas.height - 8 * scale);
    x += ctx.measureText(line.name).width + 46 * scale;
  }
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (blob) hand(`${spec.id}.png`, "image/png", blob);
}

// What is shown, every digit that came: a row for each iteration that any line has.
function csv(spec: Spec, { min, max }: View): string {
  const rows = new Map<number, (number | null)[]>();
  spec.lines.forEach((line, column) =>
    line.xs.forEach((x, i) => {
      if (x < min || x > max) return;
      const row = rows.get(x) ?? spec.lines.map(() => null);
      row[column] = part(spec, column, i);
      rows.set(x, row);
    }),
  );
  const sorted = [...rows].sort(([a], [b]) => a - b);
  const lines = sorted.map(([x, row]) => [x, ...row.map((one) => one ?? "")].join(","));
  return [["iteration", ...spec.lines.map((line) => quoted(line.name))].join(","), ...lines, ""].join("\r\n");
}

export function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
