// What `fivestep learn` tells besides a run: docs/protocol.md, "Lessons".
import type { KnobValue, Maybe } from "../protocol";

export interface Lessons {
  kind: "lessons";
  seq: number;
  lessons: { title: string; about: string }[];
}

export interface Setting {
  name: string;
  label: string;
  value: number | string; // where the lesson begins
  range?: [number, number];
  whole?: boolean;
  log?: boolean;
  choices?: { [name: string]: string };
}

export type Values = { [name: string]: number | string };

export type Card =
  | { card: "explain"; text: string }
  | { card: "see"; text: string; panel: string }
  | { card: "do"; text: string; done: Done; start: Values | null }
  | Predict;

export interface Done {
  verb: string;
  times: number;
  knob: string;
  setting: string;
}

export interface Predict {
  card: "predict";
  how: "choose" | "draw";
  name: string;
  text: string;
  question: string;
  answers?: { [name: string]: string };
  span?: number;
  points?: number;
  top?: number;
  axis?: string;
  runs: number;
}

export interface Lesson {
  kind: "lesson";
  seq: number;
  number: number;
  title: string;
  about: string;
  own_data: boolean;
  points: [number, number][] | null;
  settings: Setting[];
  values: Values;
  cards: Card[];
  answering: { question: string; label: string; run: number; of: number } | null;
}

export interface Curve {
  label: string;
  iterations: number[];
  losses: Maybe[];
}

export interface Verdict {
  kind: "verdict";
  seq: number;
  lesson: number;
  question: string;
  dropped?: string;
  answer?: string | number[];
  right: boolean;
  truth: string;
  words: string;
  curves: Curve[];
}

export interface Output {
  kind: "output";
  seq: number;
  text: string;
}

export type Learning = Lessons | Lesson | Verdict | Output;
export type LearnVerb = "lesson" | "settings" | "answer" | "points";
export type LearnValue = KnobValue | number[] | [number, number][] | Values;
