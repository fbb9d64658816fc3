import { duration } from "./numbers";
import type { Moment, StepName } from "./protocol";
import type { Session } from "./session";
import { DOES } from "./words";

// The five steps, in the order of the user's own loop; the one that just ran is filled.
export function Chips({ session }: { session: Session }) {
  const { record, moment } = session;
  const guessed = record.order === null ? record.guessed : null;
  const steps = record.steps();
  const last = record.round(session.place);
  const done = session.fresh ? last : [];
  const before = session.fresh ? record.round(previous(session)) : last;
  const stands = !session.fresh && session.paused && moment ? record.state?.step : null;
  const times = steps.map((_, i) => (done[i] ?? before[i])?.seconds ?? null);
  const longest = Math.max(...times.map((one) => one ?? 0));
  return (
    <nav class={`chips ${moment ? "begun" : ""}`} aria-label="The five steps of the loop">
      <ol>
        {steps.map((step, i) => (
          <Chip
            key={i} number={i + 1} line={done[i]?.site?.line ?? before[i]?.site?.line ?? guessed?.find(([one]) => one === step)?.[1]} step={step} moment={done[i] ?? null}
            current={stands ? step === stands : moment !== null && done[i]?.seq === moment.seq}
            seconds={times[i] ?? null} share={longest ? (times[i] ?? 0) / longest : 0}
          />
        ))}
      </ol>
      <p class="quiet">
        {record.order
          ? "The order found in your code. A bar shows how long a step took beside the longest."
          : guessed
            ? "So your code reads. What it really does is shown as soon as it has run once."
            : "The usual order. Yours is shown as soon as it has run once."}
      </p>
    </nav>
  );
}

function previous(session: Session): number {
  const { moments } = session.record;
  let place = session.place;
  const iteration = moments[place]?.iteration;
  while (place >= 0 && moments[place]?.iteration === iteration) place--;
  return place;
}

interface One {
  number: number;
  step: StepName;
  line: number | undefined;
  moment: Moment | null;
  current: boolean;
  seconds: number | null;
  share: number;
}

function Chip({ number, step, line, moment, current, seconds, share }: One) {
  const state = current ? "current" : moment ? "done" : "";
  return (
    <li class={`chip ${state} ${moment?.skipped ? "skipped" : ""}`} aria-current={current ? "step" : undefined}>
      <span class="number" aria-hidden="true">{moment && !current ? "✓" : number}</span>
      <span class="name">{step}</span>
      <span class="does">{moment?.skipped ? "left out by a knob" : DOES[step]}</span>
      <span class="line">{line ? `line ${line}` : ""}</span>
      <span class="time">{duration(seconds)}</span>
      <span class="share" aria-hidden="true">
        <span style={{ width: `${Math.round(100 * share)}%` }} />
      </span>
    </li>
  );
}
