// The protocol of docs/protocol.md, version 1, as types. JSON knows no NaN: it comes as a string.
import type { Learning, LearnValue, LearnVerb } from "./learn/types";

export type Num = number | "NaN" | "Infinity" | "-Infinity";
export type Maybe = Num | null;
export type StepName = "forward" | "loss" | "zero_grad" | "backward" | "update";
export type KnobValue = number | string | boolean | null;

export interface Knob {
  value: KnobValue;
  choices?: KnobValue[];
  range?: [number, number];
  unit?: string | null;
  works: boolean;
  why?: string | null;
}

export interface Source {
  file: string;
  text: string;
}

export interface Site {
  file: string;
  line: number;
  function?: string;
}

export interface Value {
  name: string;
  text: string;
  shape?: string | number[] | null;
  dtype?: string | null;
}

export interface Parameter {
  name: string;
  shape?: string | number[] | null;
  before: Num[];
  gradient: Num[] | null;
  after: Num[] | null;
  norm?: Maybe;
  gradient_norm?: Maybe;
  rate?: Maybe; // of the group that holds it
  moved?: Num[] | null; // after less before, exactly
  grain?: Maybe; // the rounding of its numbers, as a share of them
}

export interface Hello {
  kind: "hello";
  seq: number;
  run: string;
  script: string;
  arguments?: string[];
  sources: Source[];
  versions?: Record<string, string>;
  mode: "live" | "replay";
  knobs: Record<string, Knob>;
  seed?: number | null; // a new one, that was asked for
}

export interface Moment {
  kind: "moment";
  seq: number;
  iteration: number;
  step: StepName;
  site: Site | null;
  inside?: Site | null; // the line of the library that the user's line led to
  seconds: number | null;
  values: Value[];
  loss: Maybe;
  parameters: Parameter[];
  rate: Maybe;
  skipped?: boolean;
}

export interface Iteration {
  kind: "iteration";
  seq: number;
  iteration: number;
  loss: Maybe;
  rate: Maybe;
  gradient_norm: Maybe;
  layers: [string, Maybe][];
  seconds: Record<string, number>;
  point?: [Num, Num]; // where it then stood on the surface
}

// What is learnt: the points, the line or areas over them, the loss over two numbers of the model.
export interface Data {
  kind: "data";
  seq: number;
  shape: "line" | "classes" | "field";
  shows: "prediction" | "probability" | "class";
  inputs: Num[] | [Num, Num][];
  targets: Num[];
  classes: number[];
  parted: number | null;
  more: boolean;
  words: string;
}

export interface Fitted {
  kind: "fitted";
  seq: number;
  iteration: number;
  xs?: Num[];
  ys?: Num[];
  x?: Num[];
  y?: Num[];
  values?: Num[][];
}

export interface Surface {
  kind: "surface";
  seq: number;
  iteration: number;
  names: string[];
  words: string;
  x?: number[];
  y?: number[];
  loss?: Num[][];
  start?: [Num, Num];
  since?: number;
  slice?: boolean;
}

export interface Finding {
  kind: "finding";
  seq: number;
  seq_of?: number | null;
  rule: string;
  code: string;
  severity: "wrong" | "suspicious" | "costly";
  message: string;
  cause: string;
  fix: string;
  file: string | null;
  line: number | null;
  iteration: number;
  summary: string;
  explain: string;
  early?: boolean; // not sure yet
}

// The script with the knobs written into it.
export interface Changes {
  kind: "changes";
  seq: number;
  file: string;
  text: string;
  diff: string;
  unsaid: string[];
}

// A loss is the first of several that are not finite; where that was seen first.
export interface Lost {
  kind: "lost";
  seq: number;
  iteration: number;
  words: string;
}

export interface Withdrawn {
  kind: "withdrawn";
  seq: number;
  seq_of: number;
}

export interface State {
  kind: "state";
  seq: number;
  paused: boolean;
  speed: number | null;
  iteration: number;
  step: StepName | null;
  knobs: Record<string, KnobValue>;
  site?: Site | null; // before the first moment: the line that waits
}

export interface Ack {
  kind: "ack";
  seq: number;
  id: string;
  applied?: { knob?: string; value?: KnobValue; verb?: string };
  refused?: string;
  iteration?: number;
  step?: StepName | null;
}

export interface Order {
  kind: "order";
  seq: number;
  steps: StepName[];
}

export interface Note {
  kind: "note";
  seq: number;
  text: string;
  level: "info" | "warning";
}

export interface End {
  kind: "end";
  seq: number;
  reason: "finished" | "failed" | "interrupted" | "reset";
  message?: string | null;
  exit_code?: number | null;
}

// Of these numbers some did not come: moments and iterations, for a reader that is late.
export interface Skipped {
  kind: "skipped";
  seq?: number;
  from: number;
  to: number;
}

// What changed since hello: an optimizer was made, a file was reached.
export interface KnobsNow {
  kind: "knobs";
  seq: number;
  knobs: Record<string, Knob>;
}

export interface SourceNow extends Source {
  kind: "source";
  seq: number;
}

// From the host itself, not from the producer: whether anybody is there.
export interface Link {
  kind: "link";
  seq?: undefined;
  up: boolean;
  stranger?: boolean; // somebody is there, but does not know this window
  text?: string;
}

export type Message =
  | Hello | Moment | Iteration | Finding | State | Ack | Order | Note | End | Skipped | Link | KnobsNow | SourceNow
  | Data | Fitted | Surface | Withdrawn | Changes | Lost | Learning;

export type Verb = "play" | "pause" | "step" | "iteration" | "epoch" | "reset" | "speed" | "knob"
  | LearnVerb;

export interface Request {
  id: string;
  verb: Verb;
  name?: string;
  value?: LearnValue;
}

// All that the component knows of the world around it.
export interface Host {
  readonly mode: "live" | "replay";
  readonly resets?: boolean; // false: only what started the loop can start it again
  readonly late?: string; // why an answer may take its time here
  readonly saves?: string; // where one file of all this is made
  subscribe(hear: (message: Message) => void): () => void;
  send(request: Request): Promise<void>; // rejects with words if it cannot be handed over
}
