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
  backward: "the gradients have been computed",
  update: "the optimizer has moved the parameters against their gradients",
};

const ENDS = {
  finished: "The script has finished.",
  failed: "The script has failed.",
  interrupted: "The script was interrupted.",
  reset: "The script begins again.",
};
const END_ADVICE = {
  finished: "Look back with ←, or Reset to run it again.",
  failed: "Look back with ← at the steps that led there.",
  interrupted: "What was recorded stays: look back with ←.",
  reset: "",
};

// What the person sees now, and what to do next: the one sentence of the page.
export function sentence(session: Session): [string, string] {
  const { record, moment, past } = session;
  if (record.hello === null) return ["Waiting for the script.", ""];
  if (past && moment) return [`Looking back: ${happened(moment)}`, ""];
  const { learner } = record;
  const { card, lesson } = learner;
  const runs = lesson?.answering;
  if (runs && (record.end || session.iteration === 0))
    return [`The run${runs.of > 1 ? "s" : ""} of your answer ${runs.of > 1 ? "are" : "is"} being made.`, ""];
  const [what, todo] = stands(session);
  const open = card?.card === "predict" && !learner.met(record) && !runs;
  return [what, open ? "Answer above: the run then shows it." : todo];
}

function stands(session: Session): [string, string] {
  const { record, moment, fresh } = session;
  if (record.end && session.host.resets === false)
    return [ENDS[record.end.reason].replace("script", "loop"), "Look back with ←, or run the cell again."];
  if (record.end) return [ENDS[record.end.reason], END_ADVICE[record.end.reason]];
  if (session.iteration === 0) return first(record);
  if (!session.paused) return [`Iteration ${session.iteration} is running${pace(record)}.`, "Pause to look closer."];
  if (fresh === null || moment === null) {
    const after = record.state?.step ? `, after ${record.state.step}` : "";
    return [`Paused in iteration ${session.iteration}${after}.`, "Press Step to look at the next one."];
  }
  return [happened(moment), next(record, moment)];
}

// How fast, where somebody can follow: that it is slow is not the fault of the script.
function pace({ state }: Record): string {
  const speed = state?.speed ?? null;
  if (speed === null) return "";
  return speed === 1 ? ", one step a second" : `, ${speed} steps a second`;
}

function first({ hello, state }: Record): [string, string] {
  if (hello?.mode === "replay")
    return ["A recorded run, at its beginning.", "Press Step to see its first step, or Play."];
  if (!state?.paused) return ["Your script is on its way to its first iteration.", ""];
  return [
    "Your script waits before its first iteration.",
    `Press Step to run the first of its five steps, or Play to let it run${pace({ state } as Record)}.`,
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

// Since when there is no number, and where the first one was seen that is none.
export function lost(record: Record): string {
  const { lost: told, losses } = record;
  if (told === null) return "";
  const last = losses[losses.length - 1] ?? null;
  const still = last === null || !Number.isFinite(last);
  const when = still ? `Not finite since iteration ${told.iteration}` : `Not finite in iteration ${told.iteration}`;
  return told.words ? `${when}: ${told.words}.` : `${when}.`;
}

// The curve in words, for whoever does not see it.
export function course(record: Record): string {
  const { real, latest, lowest, broken, breaks } = record;
  const at = (place: number) =>
    `${shown(record.losses[place]!)} in iteration ${record.iterations[place]}`;
  const bad =
    broken === null
      ? ""
      : ` In ${breaks} it was not a number, first in iteration ${record.iterations[broken]}.`;
  if (real === null || latest === null || lowest === null)
    return bad ? `The loss was never a number.${bad}` : "No loss yet.";
  if (real === latest) return `The loss is ${at(real)}.${bad}`;
  return `The loss goes from ${at(real)} to ${at(latest)}; its lowest is ${at(lowest)}.${bad}`;
}
