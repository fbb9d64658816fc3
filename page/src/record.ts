// What was heard so far, kept so that it can be drawn and walked back through.
import { circumstances, Turned, type Circumstances } from "./before";
import { Learner } from "./learn/learner";
import { maybe } from "./numbers";
import { Pictures } from "./pictures";
import { guess } from "./python";
import type { Learning } from "./learn/types";
import type {
  Ack, Changes, End, Finding, Hello, Iteration, KnobValue, Lost, Message, Moment, Note, Order, Source, State,
  StepName,
} from "./protocol";

const LINES = 500; // of what the script printed
const MOMENTS = 5000; // kept; an older one is let go, its iteration stays on the curve
export const USUAL: StepName[] = ["forward", "loss", "zero_grad", "backward", "update"];

export class Record {
  hello: Hello | null = null;
  state: State | null = null;
  order: StepName[] | null = null;
  guessed: [StepName, number][] | null = null; // the five and their lines, as the text of the script has them
  end: End | null = null;
  up = true;
  stranger = false; // the command was started anew: its new link is to be opened
  last = 0;
  moments: Moment[] = [];
  findings: Finding[] = [];
  notes: Note[] = [];
  lines: string[] = []; // printed by the script
  learner = new Learner(); // of `fivestep learn`
  acks = new Map<string, Ack>();
  sites = new Map<string, StepName[]>(); // "file:line" of each line that was seen to run
  iterations: number[] = [];
  losses: (number | null)[] = [];
  real: number | null = null; // the places in them of the first number, of the last,
  latest: number | null = null;
  lowest: number | null = null; // of the least,
  broken: number | null = null; // and of the first that is no number
  breaks = 0; // how many are none
  below = 0; // how many stand at zero or below it
  layers: string[] = [];
  updates: Float32Array[] = []; // one column an iteration: log10 of update to weight
  columns: number[] = []; // the iteration of each column
  pictures = new Pictures();
  changes: Changes | null = null;
  begun: Circumstances | null = null; // how it came about
  turned = new Map<string, Turned>(); // knobs
  lost: Lost | null = null; // since when losses are not finite, and where that was seen first

  take(message: Message): void {
    if (message.kind === "link") {
      this.up = message.up;
      this.stranger = message.stranger ?? false;
    } else if (message.kind === "hello") {
      this.welcome(message);
    } else if (message.kind === "skipped") {
      this.last = Math.max(this.last, message.to);
    } else {
      if (message.seq > 0 && message.seq <= this.last) return; // told twice, after a lost line
      this.last = Math.max(this.last, message.seq);
      this.file(message);
    }
  }

  private file(message: Exclude<Message, { kind: "link" | "hello" | "skipped" }>): void {
    if (message.kind === "moment") this.look(message);
    else if (message.kind === "iteration") this.sum(message);
    else if (message.kind === "order") this.order = (message satisfies Order).steps;
    else if (message.kind === "finding") this.findings.push(message);
    else if (message.kind === "changes") this.changes = message;
    else if (message.kind === "lost") this.lost = message;
    else if (message.kind === "withdrawn") this.findings = this.findings.filter((one) => one.seq !== message.seq_of);
    else if (message.kind === "state") this.state = message;
    else if (message.kind === "ack") this.answer(message);
    else if (message.kind === "note") this.notes.push(message);
    else if (message.kind === "end") this.end = message;
    else if (message.kind === "data" || message.kind === "fitted" || message.kind === "surface") this.pictures.take(message);
    else if (message.kind === "output") this.print(message.text);
    else if (["lessons", "lesson", "verdict"].includes(message.kind)) this.learner.take(message as Learning);
    else if (this.hello === null) return;
    else if (message.kind === "knobs") this.hello = { ...this.hello, knobs: message.knobs };
    else if (message.kind === "source") this.read(message);
  }

  private answer(ack: Ack): void {
    this.acks.set(ack.id, ack);
    const { knob, value } = ack.applied ?? {};
    if (knob !== undefined) this.turned.set(knob, new Turned(value ?? null, 1 + (this.turned.get(knob)?.times ?? 0)));
  }

  private print(line: string): void {
    this.lines.push(line);
    if (this.lines.length > 1.2 * LINES) this.lines = this.lines.slice(-LINES);
  }

  private read({ file, text }: Source): void {
    const others = this.hello!.sources.filter((one) => one.file !== file);
    this.hello = { ...this.hello!, sources: [...others, { file, text }] };
    this.guessed = guessed(this.hello.sources[0]);
  }

  private welcome(hello: Hello): void {
    const again = hello.seq > 0 && hello.seq <= this.last; // of a server that was started anew
    if (this.hello !== null && (this.hello.run !== hello.run || again)) {
      const { up, acks, learner } = this;
      Object.assign(this, new Record(), { up, acks, learner }); // a new run: nothing of the old one stays
    }
    this.hello = hello;
    this.begun ??= circumstances(this);
    this.guessed = guessed(hello.sources[0]);
    this.end = null;
    this.last = Math.max(this.last, hello.seq);
  }

  private look(moment: Moment): void {
    this.moments.push(moment);
    if (this.moments.length > 1.2 * MOMENTS) this.moments = this.moments.slice(-MOMENTS);
    for (const site of [moment.site, moment.inside]) {
      // A zero_grad that a knob has moved stands on a line that is not its own.
      if (!site || (moment.step === "zero_grad" && this.moved())) continue;
      const place = `${site.file}:${site.line}`;
      const here = this.sites.get(place) ?? [];
      if (!here.includes(moment.step)) this.sites.set(place, [...here, moment.step]);
    }
    if (moment.loss !== null) this.lose(moment.iteration, maybe(moment.loss));
  }

  private sum(one: Iteration): void {
    this.lose(one.iteration, maybe(one.loss));
    this.pictures.walk(one);
    if (!one.layers?.length) return;
    for (const [name] of one.layers) if (!this.layers.includes(name)) this.layers.push(name);
    const column = new Float32Array(this.layers.length).fill(NaN);
    for (const [name, value] of one.layers) {
      column[this.layers.indexOf(name)] = maybe(value) ?? NaN;
    }
    this.updates.push(column);
    this.columns.push(one.iteration);
  }

  private lose(iteration: number, loss: number | null): void {
    const last = this.iterations.length - 1;
    if (last >= 0 && this.iterations[last]! >= iteration) {
      const place = this.iterations.lastIndexOf(iteration);
      if (place < 0 || loss === null || Object.is(this.losses[place], loss)) return;
      this.losses[place] = loss;
      this.breaks = this.below = 0;
      this.real = this.latest = this.lowest = this.broken = null;
      this.losses.forEach((_, i) => this.count(i));
      return;
    }
    this.iterations.push(iteration);
    this.losses.push(loss);
    this.count(last + 1);
  }

  // Counted as they come: a long curve is put into words many times a second.
  private count(place: number): void {
    const loss = this.losses[place] ?? null;
    if (loss === null) return;
    if (!Number.isFinite(loss)) {
      this.breaks += 1;
      this.broken ??= place;
      return;
    }
    if (loss <= 0) this.below += 1;
    this.real ??= place;
    this.latest = place;
    if (this.lowest === null || loss < this.losses[this.lowest]!) this.lowest = place;
  }

  // Until the order is told: what has run, as it ran; then the rest, as the code reads.
  steps(): StepName[] {
    if (this.order !== null) return this.order;
    const likely = this.guessed?.map(([step]) => step) ?? USUAL;
    const begun = this.moments.filter((one) => one.iteration === this.moments[0]!.iteration);
    return [...new Set([...begun.map((one) => one.step), ...likely])];
  }

  knob(name: string): KnobValue | undefined {
    const told = this.state?.knobs[name];
    return told === undefined ? this.hello?.knobs[name]?.value : told;
  }

  private moved(): boolean {
    return ![undefined, "as written"].includes(this.knob("zero_grad_at") as undefined);
  }

  // The place in the record of the moment with this number, or of the last one before it.
  place(seq: number): number {
    let low = 0;
    let high = this.moments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.moments[middle]!.seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // The moments of one iteration up to a place, each put on its chip in the order of the loop.
  round(place: number): (Moment | null)[] {
    const steps = this.steps();
    const found: (Moment | null)[] = steps.map(() => null);
    const iteration = this.moments[place]?.iteration;
    let first = place;
    while (first > 0 && this.moments[first - 1]?.iteration === iteration) first--;
    let chip = -1;
    for (let i = Math.max(first, 0); i <= place; i++) {
      const moment = this.moments[i]!;
      chip = after(steps, moment.step, chip);
      if (chip >= 0) found[chip] = moment;
    }
    return found;
  }
}

function guessed(script: Source | undefined): [StepName, number][] | null {
  const found = [...guess(script?.text ?? "")].flatMap(([line, steps]) =>
    steps.map((step): [StepName, number] => [step, line]),
  );
  return found.length === 5 ? found.sort((a, b) => a[1] - b[1]) : null;
}

function after(steps: StepName[], step: StepName, chip: number): number {
  const next = steps.indexOf(step, chip + 1);
  return next >= 0 ? next : steps.indexOf(step);
}
