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
  text?: string;
}

export type Message =
  | Hello | Moment | Iteration | Finding | State | Ack | Order | Note | End | Skipped | Link | KnobsNow | SourceNow
  | Learning;

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
  subscribe(hear: (message: Message) => void): () => void;
  send(request: Request): Promise<void>; // rejects with words if it cannot be handed over
}
