// What was heard of trainings that are watched: for each run its points, entries, layers, findings.
import { maybe } from "../numbers";
import type { Finding, Maybe, Message } from "../protocol";

export type Plain = { [name: string]: unknown };
export interface Entry {
  iteration: number;
  epoch: number;
  when: string;
  values: { [name: string]: number | null };
}
export interface Silence {
  dead: boolean;
  iteration: number;
  seconds?: number;
}
export interface Ended {
  reason: string;
  message: string;
  best: Entry | null;
}
type Told = Message | (Plain & { kind: string; of?: number; seq?: number });

export const KINDS = ["data", "forward", "loss", "zero_grad", "backward", "update", "other"];
const NOT_VALUES = new Set(["v", "seq", "of", "kind", "when", "iteration", "epoch", "update", "seconds"]);

// One run. Arrays side by side: a point is the same place in each of them.
export class Film {
  name = "";
  script = "";
  setup: Plain = {};
  seed: unknown = null;
  began: number | null = null;
  iterations: number[] = [];
  losses: (number | null)[] = [];
  lows: (number | null)[] = [];
  highs: (number | null)[] = [];
  rates: (number | null)[] = [];
  norms: (number | null)[] = [];
  throughputs: (number | null)[] = [];
  counts: number[] = [];
  seconds: (number[] | null)[] = []; // of each of KINDS
  broken: number[] = []; // iterations of a loss that is no number
  entries: Entry[] = [];
  layers: string[] = [];
  columns: { iteration: number; values: Float32Array }[] = [];
  findings: Finding[] = [];
  epoch = 0;
  silence: Silence | null = null;
  end: Ended | null = null;
  resumed: number[] = []; // after these iterations it was begun again from a checkpoint
  later = false; // it began while somebody was watching another

  take(told: Plain & { kind: string }): void {
    if (told.kind === "iteration") this.point(told);
    else if (told.kind === "layers") this.column(told);
    else if (told.kind === "entry") this.entries.push(entry(told));
    else if (told.kind === "finding") this.findings.push(told as unknown as Finding);
    else if (told.kind === "silence") this.silence = told.over ? null : (told as unknown as Silence);
    else if (told.kind === "resumed") this.resume(told.iteration as number);
    else if (told.kind === "end") this.close(told);
  }

  get iteration(): number {
    const last = this.entries[this.entries.length - 1]?.iteration ?? 0;
    return Math.max(this.iterations[this.iterations.length - 1] ?? 0, last);
  }

  // How many iterations it is to have; null where the setup does not say.
  get total(): number | null {
    const options = (this.setup.options ?? {}) as Plain;
    const [amount, unit] = String(options.length ?? "").split(" ");
    const each = unit?.startsWith("epoch")
      ? Number(this.setup.batches ?? NaN)
      : unit?.startsWith("update") ? Number(options.accumulate ?? 1) : 1;
    const total = Math.round(Number(amount) * each);
    return Number.isFinite(total) && total > 0 ? total : null;
  }

  // The names of what validations gave.
  get validations(): string[] {
    const found = new Set<string>();
    for (const one of this.entries) {
      for (const name of Object.keys(one.values)) if (name.startsWith("validation_")) found.add(name);
    }
    return [...found];
  }

  private point(told: Plain): void {
    const iteration = told.iteration as number;
    const last = this.iterations[this.iterations.length - 1] ?? 0;
    if (iteration <= last) return; // told twice
    const loss = maybe(told.loss as Maybe);
    this.iterations.push(iteration);
    this.losses.push(loss);
    this.lows.push(maybe((told.low ?? told.loss) as Maybe));
    this.highs.push(maybe((told.high ?? told.loss) as Maybe));
    this.rates.push(maybe(told.rate as Maybe));
    this.norms.push(maybe(told.gradient_norm as Maybe));
    this.throughputs.push(maybe(told.samples_per_second as Maybe));
    this.counts.push((told.count as number | undefined) ?? 1);
    const seconds = told.seconds as { [kind: string]: number };
    this.seconds.push(KINDS.some((kind) => seconds[kind]) ? KINDS.map((kind) => seconds[kind] ?? 0) : null);
    if ((loss !== null && !Number.isFinite(loss)) || told.broken) this.broken.push(iteration);
    this.epoch = Math.max(this.epoch, (told.epoch as number | undefined) ?? 0);
  }

  private column(told: Plain): void {
    const rows = told.layers as [string, Maybe][];
    for (const [name] of rows) if (!this.layers.includes(name)) this.layers.push(name);
    const values = new Float32Array(this.layers.length).fill(NaN);
    for (const [name, value] of rows) values[this.layers.indexOf(name)] = maybe(value) ?? NaN;
    this.columns.push({ iteration: told.iteration as number, values });
  }

  private resume(after: number): void {
    this.silence = this.end = null;
    if (this.resumed[this.resumed.length - 1] !== after) this.resumed.push(after);
  }

  private close(told: Plain): void {
    const best = told.best as Plain | null | undefined;
    this.end = {
      reason: String(told.reason), message: String(told.message ?? ""), best: best ? entry(best) : null,
    };
    const kept = told.findings as unknown[][] | undefined;
    if (!kept) return; // what was found too early and is not in the last report goes
    const keys = new Set(kept.map((one) => JSON.stringify(one)));
    this.findings = this.findings.filter((one) => keys.has(JSON.stringify([one.rule, one.file, one.line])));
  }
}

function entry(told: Plain): Entry {
  const values: { [name: string]: number | null } = {};
  for (const [name, value] of Object.entries(told)) {
    if (NOT_VALUES.has(name)) continue;
    if (typeof value === "number" || typeof value === "string") values[name] = maybe(value as Maybe);
  }
  return {
    iteration: told.iteration as number, epoch: (told.epoch as number | undefined) ?? 0,
    when: String(told.when ?? ""), values,
  };
}

export class Films {
  all: Film[] = [];
  hidden = new Set<number>(); // runs that the viewer has switched off
  active = false;
  waiting = ""; // the directory in which the first run is waited for
  notes: string[] = []; // of what could not be read
  chosen: number | null = null; // the place of a later run that is looked at instead

  // True if the message was meant for us.
  take(message: Told): boolean {
    const { kind, folder } = message as Plain;
    if (kind === "waiting") [this.active, this.waiting] = [true, String(folder)];
    if (kind === "hello" && (message as Plain).mode === "watch") this.welcome(message as Plain);
    if (!this.active || message.kind === "link") return false;
    const place = (message as Plain).of as number | undefined;
    if (kind === "note") this.notes.push(String((message as Plain).text));
    if (message.kind !== "hello") this.all[place ?? 0]?.take(message as Plain & { kind: string });
    return true;
  }

  private welcome(hello: Plain): void {
    const film = new Film();
    film.name = String(hello.run);
    film.script = String(hello.script ?? "");
    film.setup = (hello.setup ?? {}) as Plain;
    film.seed = hello.seed ?? null;
    film.began = (hello.began as number | null | undefined) ?? null;
    film.later = hello.later === true;
    this.all[(hello.of as number | undefined) ?? 0] = film;
    this.active = true;
  }

  // Those that were asked for; or the later one that is looked at instead.
  get runs(): Film[] {
    const chosen = this.chosen === null ? undefined : this.all[this.chosen];
    return chosen ? [chosen] : this.all.filter((film) => !film.later);
  }

  // The newest that began meanwhile, if it is not looked at.
  get newest(): number | null {
    const last = this.all.reduce((found, film, place) => (newer(film, this.all[found]) ? place : found), -1);
    return last >= 0 && this.all[last]!.later && last !== this.chosen ? last : null;
  }

  // The places of the runs that are looked at, where others are known; "" where these are all.
  get places(): string {
    const { runs, all } = this;
    return runs.length === all.length ? "" : runs.map((film) => all.indexOf(film)).join(",");
  }

  get shown(): { film: Film; place: number }[] {
    const { runs } = this;
    const hides = runs.length > 1;
    return runs.flatMap((film, place) => (hides && this.hidden.has(place) ? [] : [{ film, place }]));
  }
}

function newer(one: Film, other: Film | undefined): boolean {
  return !other || (one.later && (!other.later || (one.began ?? 0) >= (other.began ?? 0)));
}
