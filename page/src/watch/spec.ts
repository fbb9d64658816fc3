// What a chart shows, apart from how it is drawn: on a canvas, as SVG, as CSV, in words.
import { shown } from "../numbers";
import { Film, KINDS } from "./film";

export interface Line {
  name: string;
  ink: string; // of the style sheet
  dash: number[];
  xs: number[];
  ys: (number | null)[];
  lows?: (number | null)[]; // a band around it
  highs?: (number | null)[];
  hatch?: number; // of an area
  mean?: number; // of its part, over all of the run
  width?: number;
}

export interface Spec {
  id: string;
  title: string;
  hint: string;
  lines: Line[];
  keyed?: boolean; // it says itself what its lines are
  stacked?: boolean; // each line is the upper edge of an area that reaches down to the line after it
  whole?: boolean; // its axis begins at zero
}

export interface View {
  min: number;
  max: number;
}

const DASHES = [[], [9, 4], [2, 4], [12, 4, 2, 4], [5, 3], [16, 6]];
export const INKS = 6;
const BINS = 32; // of the shares of time
const STRETCHES = 160; // of the throughput

export function dashOf(place: number): number[] {
  return DASHES[(place + Math.floor(place / INKS)) % DASHES.length]!;
}

export function inkOf(place: number): string {
  return `run${place % INKS}`;
}

type Runs = { film: Film; place: number }[];

export function charts(runs: Runs, several: boolean): Spec[] {
  const names = new Set(runs.flatMap(({ film }) => film.validations));
  const metrics = [...names].filter((name) => name !== "validation_loss");
  const found: Spec[] = several
    ? [
        { id: "loss", title: "Training loss", hint: "mean of an item", lines: runs.map(loss) },
        entries(runs, "validation_loss", true),
      ]
    : [both(runs)];
  found.push(...metrics.map((name) => entries(runs, name, several)));
  found.push(
    points(runs, several, "gradient-norm", "Gradient norm", "of all parameters together", (film) => film.norms),
    points(runs, several, "rate", "Learning rate", "of the first group", (film) => film.rates),
    points(runs, several, "throughput", "Throughput", "samples a second", (film) => film.throughputs, throughput),
  );
  if (!several && runs[0]) found.push(shares(runs[0].film));
  return found.filter((one) => one.lines.some((line) => line.ys.some((y) => y !== null)));
}

function loss({ film, place }: { film: Film; place: number }): Line {
  const fine = film.iterations.length > 0;
  const ends = film.entries.filter((one) => one.when === "epoch");
  return {
    name: film.name, ink: inkOf(place), dash: dashOf(place),
    xs: fine ? film.iterations : ends.map((one) => one.iteration),
    ys: fine ? film.losses : ends.map((one) => one.values.loss ?? null),
  };
}

function both(runs: Runs): Spec {
  const lines = runs.flatMap((one) => {
    const training: Line = { ...loss(one), name: "training", dash: [], width: 1.2 };
    if (one.film.iterations.length && one.film.counts.some((count) => count > 1)) {
      training.lows = one.film.lows;
      training.highs = one.film.highs;
    }
    const held = entryLine(one.film, "validation_loss");
    return held.xs.length ? [training, { ...held, name: "validation", ink: inkOf(one.place + 1), dash: [9, 4] }] : [training];
  });
  return { id: "loss", title: "Loss", hint: "mean of an item", lines, keyed: lines.length > 1 };
}

function entryLine(film: Film, name: string): Line {
  const there = film.entries.filter((one) => name in one.values);
  return {
    name, ink: "run0", dash: [],
    xs: there.map((one) => one.iteration), ys: there.map((one) => one.values[name] ?? null),
  };
}

function entries(runs: Runs, name: string, several: boolean): Spec {
  const lines = runs.map(({ film, place }) => ({
    ...entryLine(film, name), name: several ? film.name : "validation",
    ink: several ? inkOf(place) : "run1", dash: several ? dashOf(place) : [9, 4],
  }));
  const title = titled(name);
  return { id: name, title, hint: "over the whole validation set", lines };
}

export function titled(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function points(
  runs: Runs, several: boolean, id: string, title: string, hint: string,
  read: (film: Film) => (number | null)[],
  even: (film: Film) => Pick<Line, "xs" | "ys"> = (film) => ({ xs: film.iterations, ys: read(film) }),
): Spec {
  const lines = runs.map(({ film, place }) => {
    const ys = read(film);
    const line = { name: several ? film.name : title, ink: inkOf(place), dash: several ? dashOf(place) : [] };
    if (ys.some((one) => one !== null)) return { ...line, ...even(film) };
    // A run without a film: what its journal says at the ends of epochs.
    const name = { "gradient-norm": "gradient_norm", rate: "learning_rate", throughput: "samples_per_second" }[id]!;
    return { ...entryLine(film, name), ...line };
  });
  return { id, title, hint, lines, whole: id !== "rate" };
}

// Over stretches of the run: samples by seconds, so that a breath of the machine is no tooth of a saw.
function throughput(film: Film): Pick<Line, "xs" | "ys"> {
  const per = Math.max(1, Math.ceil(film.iterations.length / STRETCHES));
  const xs: number[] = [];
  const ys: (number | null)[] = [];
  for (let from = 0; from < film.iterations.length; from += per) {
    const to = Math.min(from + per, film.iterations.length);
    let [count, seconds] = [0, 0];
    for (let i = from; i < to; i++) {
      const speed = film.throughputs[i];
      if (!speed) continue;
      count += film.counts[i]!;
      seconds += film.counts[i]! / speed;
    }
    xs.push(film.iterations[to - 1]!);
    ys.push(seconds ? count / seconds : null);
  }
  return { xs, ys };
}

// The share of each step in an iteration, summed over stretches of the run so that it can be read.
function shares(film: Film): Spec {
  const per = Math.max(1, Math.ceil(film.iterations.length / BINS));
  const xs: number[] = [];
  const sums: number[][] = [];
  const total = KINDS.map(() => 0);
  for (let from = 0; from < film.iterations.length; from += per) {
    const to = Math.min(from + per, film.iterations.length);
    const sum = KINDS.map(() => 0);
    for (let i = from; i < to; i++) {
      film.seconds[i]?.forEach((one, kind) => (sum[kind] = sum[kind]! + one * film.counts[i]!));
    }
    const all = sum.reduce((a, b) => a + b, 0);
    if (!all) continue;
    xs.push(film.iterations[to - 1]!);
    sum.forEach((one, kind) => (total[kind] = total[kind]! + one));
    sums.push(sum.map((one) => one / all));
  }
  const everything = total.reduce((a, b) => a + b, 0);
  // The edge above a kind is the sum of all from it down; the uppermost is drawn first.
  const edges = sums.map((parts) => parts.map((_, kind) => parts.slice(kind).reduce((a, b) => a + b, 0)));
  const lines = KINDS.map((name, kind) => ({
    name: name === "data" ? "waiting for data" : name, ink: `part${kind}`, dash: [], hatch: kind,
    xs, ys: edges.map((one) => one[kind]!), mean: total[kind]! / everything,
  }));
  return { id: "time", title: "Time by step", hint: "share of the time; beside each its part of the whole run", lines, keyed: true, stacked: true, whole: true };
}

// What a stacked line stands for by itself.
export function part(spec: Spec, line: number, i: number): number | null {
  const y = spec.lines[line]!.ys[i] ?? null;
  if (!spec.stacked || y === null) return y;
  return y - (spec.lines[line + 1]?.ys[i] ?? 0);
}

// How many of its values are zero or less, and so have no logarithm.
export function noLogarithm(spec: Spec): number {
  const count = (ys: (number | null)[]) => ys.reduce((sum: number, y) => sum + (y !== null && Number.isFinite(y) && y <= 0 ? 1 : 0), 0);
  return spec.lines.reduce((sum, { ys, lows }) => sum + count(lows ?? ys), 0);
}

export function inWords(spec: Spec): string {
  return spec.lines.map((line, i) => said(spec, line, i)).filter(Boolean).join(" ");
}

function said(spec: Spec, line: Line, i: number): string {
  let last = -1;
  let low = -1;
  let high = -1;
  line.ys.forEach((y, at) => {
    if (y === null || !Number.isFinite(y)) return;
    last = at;
    if (low < 0 || y < line.ys[low]!) low = at;
    if (high < 0 || y > line.ys[high]!) high = at;
  });
  if (last < 0) return "";
  if (spec.stacked) return `${line.name} ${percent(line.mean ?? null)}${i < spec.lines.length - 1 ? "," : " of the whole run."}`;
  const at = (place: number) => `${shown(line.ys[place]!)} in iteration ${line.xs[place]!.toLocaleString("en")}`;
  return `${line.name}: last ${at(last)}, lowest ${at(low)}, highest ${at(high)}.`;
}

export function percent(share: number | null): string {
  return share === null ? "" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}
