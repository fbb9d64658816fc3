// The sentences of the page.
import { maybe, shown } from "./numbers";
import type { Moment, StepName } from "./protocol";
import type { Record } from "./record";
import type { Session } from "./session";

export const DOES: { [step in StepName]: string } = {
  forward: "the model predicts",
  loss: "how wrong, as one number",
  zero_grad: "empties the gradients",
  backward: "computes the gradients",
  update: "moves the parameters",
};

const DONE: { [step in StepName]: string } = {
  forward: "the model has made its prediction",
  loss: "the prediction has been compared with what was wanted",
  zero_grad: "the gradients are empty",
  backward: "every parameter has been given its gradient",
  update: "the optimizer has moved the parameters against their gradients",
};

const ENDS = {
  finished: "The script has finished.",
  failed: "The script has failed.",
  interrupted: "The script was interrupted.",
  reset: "The script begins again.",
};
const END_TODO = {
  finished: "Look back with ←, or Reset to run it again.",
  failed: "Look back with ← at the steps that led there.",
  interrupted: "What was recorded stays: look back with ←.",
  reset: "",
};

// What the person sees now, and what to do next: the one sentence of the page.
export function sentence(session: Session): [string, string] {
  const { record, moment, fresh, past } = session;
  if (record.hello === null) return ["Waiting for the script.", ""];
  if (past && moment) return [`Looking back: ${happened(moment)}`, ""];
  if (record.end) return [ENDS[record.end.reason], END_TODO[record.end.reason]];
  if (moment === null) return first(record);
  if (record.state && !record.state.paused) return [`Iteration ${session.iteration} is running.`, "Pause to look closer."];
  if (fresh === null) {
    const after = record.state?.step ? `, after ${record.state.step}` : "";
    return [`Paused in iteration ${session.iteration}${after}.`, "Press Step to look at the next one."];
  }
  return [happened(moment), next(record, moment)];
}

function first({ hello, state }: Record): [string, string] {
  if (hello?.mode === "replay")
    return ["A recorded run, at its beginning.", "Press Step to see its first step, or Play."];
  if (state && !state.paused) return ["Your script is on its way to its first iteration.", ""];
  return [
    "Your script waits before its first iteration.",
    "Press Step to run the first of its five steps, or Play to let it run.",
  ];
}

function happened(moment: Moment): string {
  const where = `iteration ${moment.iteration}, ${moment.step}:`;
  if (moment.skipped) return `${capital(where)} left out, because a knob says so.`;
  const loss = moment.step === "loss" ? `; the loss is ${shown(maybe(moment.loss))}` : "";
  return `${capital(where)} ${DONE[moment.step]}${loss}.`;
}

function next(record: Record, moment: Moment): string {
  const steps = record.steps();
  const done = record.round(record.moments.length - 1);
  let here = -1;
  done.forEach((one, i) => {
    if (one?.seq === moment.seq) here = i;
  });
  const step = steps[(here + 1) % steps.length];
  return here >= 0 && step ? `Next: ${step}.` : "";
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// The curve in words, for whoever does not see it.
export function course(record: Record): string {
  const pairs = record.iterations.map((it, i) => [it, record.losses[i] ?? null] as const);
  const told = pairs.filter(([, loss]) => loss !== null) as (readonly [number, number])[];
  if (told.length === 0) return "No loss yet.";
  const real = told.filter(([, loss]) => Number.isFinite(loss));
  const broken = told.length - real.length;
  const bad = broken ? ` In ${broken} it was not a number, first in iteration ${told.find(([, l]) => !Number.isFinite(l))![0]}.` : "";
  if (real.length === 0) return `The loss was never a number.${bad}`;
  const [from, until] = [real[0]!, real[real.length - 1]!];
  const low = real.reduce((a, b) => (b[1] < a[1] ? b : a));
  if (real.length === 1) return `The loss is ${shown(from[1])} in iteration ${from[0]}.${bad}`;
  return (
    `The loss goes from ${shown(from[1])} in iteration ${from[0]} to ${shown(until[1])} in ` +
    `iteration ${until[0]}; its lowest is ${shown(low[1])}, in iteration ${low[0]}.${bad}`
  );
}
