// The run before this one: its curve stays beside the new one, named by what was not the same.
import type { Values } from "./learn/types";
import { trimmed } from "./numbers";
import type { KnobValue } from "./protocol";
import type { Record } from "./record";
import { bisect } from "./watch/thin";

// How a run came about: what it was begun with, and which knobs were turned while it ran.
export interface Circumstances {
  script: string;
  text: string;
  seed: number | null;
  lesson: number | null;
  values: Values;
  points: string;
}

export class Turned {
  constructor(readonly value: KnobValue, readonly times: number) {}
}

export class Before {
  shown = true;

  constructor(private readonly record: Record) {}

  // What stays of a run when the next one begins; null where the two are not to be compared.
  static after(old: Record, next: Record, kept: Before | null): Before | null {
    const same = old.begun?.script === next.begun?.script && old.begun?.lesson === next.begun?.lesson;
    if (!same || next.hello?.mode !== "live") return null;
    if (old.iterations.length < 2) return kept;
    old.moments = []; // a curve stays, and not all that was told of it
    const found = new Before(old);
    found.shown = kept?.shown ?? true;
    return found;
  }

  get iterations(): number[] {
    return this.record.iterations;
  }

  get losses(): (number | null)[] {
    return this.record.losses;
  }

  get below(): number {
    return this.record.below;
  }

  get curve(): Record {
    return this.record;
  }

  at(iteration: number): number | null {
    return lossAt(this.record, iteration);
  }

  // What was not as it is now: "zero_grad left out, learning rate 0.5".
  words(now: Record): string {
    const found = [...knobs(this.record, now), ...beginnings(this.record, now)];
    return `before: ${found.length ? found.join(", ") : "the same settings"}`;
  }
}

// Looked up in halves: a table is drawn as often as the curve, which may be long.
export function lossAt({ iterations, losses }: Record, iteration: number): number | null {
  const place = bisect(iterations, iteration);
  return iterations[place] === iteration ? losses[place]! : null;
}

export function circumstances({ hello, learner }: Record): Circumstances {
  const { lesson } = learner;
  return {
    script: hello!.script, text: hello!.sources[0]?.text ?? "", seed: hello!.seed ?? null,
    lesson: lesson?.number ?? null, values: lesson?.values ?? {}, points: JSON.stringify(lesson?.points ?? null),
  };
}

const KNOBS: { [name: string]: (value: KnobValue | undefined) => string } = {
  lr: (value) => `learning rate ${typeof value === "number" ? trimmed(value) : "as written"}`,
  momentum: (value) => `momentum ${typeof value === "number" ? trimmed(value) : "as written"}`,
  skip_zero_grad: (value) => (value ? "zero_grad left out" : "zero_grad not left out"),
  zero_grad_at: (value) => `zero_grad ${value ?? "as written"}`,
  clip: (value) => (typeof value === "number" ? `gradients clipped to ${trimmed(value)}` : "gradients not clipped"),
  eval_mode: (value) => (typeof value === "boolean" ? `model in ${value ? "eval" : "train"}` : "the model's mode as written"),
};
const UNTURNED = new Set<KnobValue | undefined>([undefined, false, null, "as written"]);

function knobs(old: Record, now: Record): string[] {
  return Object.entries(KNOBS).flatMap(([name, words]) => {
    const [was, is] = [old.turned.get(name), now.turned.get(name)];
    const plain = (one: Turned | undefined) =>
      name !== "eval_mode" && UNTURNED.has(one?.value) ? undefined : (one?.value ?? undefined);
    const often = (was?.times ?? 0) > 1;
    if (!often && plain(was) === plain(is)) return [];
    return [words(plain(was)) + (often ? " at last" : "")];
  });
}

function beginnings({ begun: old }: Record, { begun: now, learner }: Record): string[] {
  if (!old || !now) return [];
  const found = (learner.lesson?.settings ?? []).flatMap(({ name, label, choices }) => {
    const was = old.values[name];
    if (was === undefined || was === now.values[name]) return [];
    return [`${label} ${choices?.[was] ?? was}`];
  });
  if (old.seed !== now.seed) found.push(old.seed === null ? "the seed of the first run" : `seed ${old.seed}`);
  if (old.points !== now.points) found.push("other data");
  if (old.text !== now.text && old.lesson === null) found.push("the file as it was");
  return found;
}
