import type { Session } from "../session";
import { Chart } from "./chart";
import { Pad } from "./pad";
import { inline } from "./text";
import type { Predict } from "./types";

interface Given {
  session: Session;
  card: Predict;
}

// The learner commits first; then a real run answers.
export function Ask({ session, card }: Given) {
  const { learner } = session.record;
  const verdict = learner.verdict(card);
  const answered = verdict !== null && !verdict.dropped;
  const key = learner.key(card.name);
  const draft = learner.drafts.get(key) ?? (card.how === "draw" ? flat(card) : undefined);
  const running = learner.lesson?.answering ?? null;
  const off = running !== null || answered || !session.reachable;
  const now = () => (learner.drafts.get(key) as number[] | undefined) ?? flat(card);
  const write = (value: string | number[]) => {
    learner.drafts.set(key, value);
    session.changed();
  };
  const again = (form: HTMLFormElement) => {
    learner.again(card);
    session.changed();
    requestAnimationFrame(() => form.querySelector<HTMLElement>("input, .point")?.focus()); // as soon as it is drawn
  };
  const commit = () => {
    const given = learner.drafts.get(key) ?? draft; // the last stroke may not have been drawn yet
    if (given !== undefined && !off) session.learn("answer", given, card.name);
  };
  const refused = session.answer("learn-answer");
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault();
        if (answered) again(event.currentTarget);
        else commit();
      }}
    >
      {card.how === "choose" ? (
        <Answers
          card={card} draft={draft as string | undefined} off={off}
          truth={answered ? verdict.truth : null} write={write}
        />
      ) : (
        <fieldset>
          <legend>{inline(card.question)}</legend>
          <Pad card={card} points={draft as number[]} off={off} now={now} write={write} curves={answered ? verdict.curves : []} />
        </fieldset>
      )}
      <p class="commit">
        <button type="submit" class={answered ? "" : "strong"} disabled={answered ? running !== null : off || draft === undefined}>
          {answered ? "Answer again" : "That is my answer: run it"}
        </button>
        <span class={refused.bad ? "answer bad" : "quiet"}>
          {running
            ? `${running.of > 1 ? `Run ${running.run} of ${running.of}${running.label && `, ${running.label}`}` : "The script runs"} …`
            : refused.bad ? refused.text : ""}
        </span>
      </p>
      {card.how === "choose" && answered && verdict.curves.some((one) => one.losses.length > 5) && (
        <Chart curves={verdict.curves} axis={card.axis} />
      )}
    </form>
  );
}

function flat(card: Predict): number[] {
  return Array.from({ length: card.points ?? 9 }, () => 1);
}

interface Choices {
  card: Predict;
  draft: string | undefined;
  off: boolean;
  truth: string | null;
  write: (value: string) => void;
}

function Answers({ card, draft, off, truth, write }: Choices) {
  return (
    <fieldset>
      <legend>{inline(card.question)}</legend>
      {Object.entries(card.answers ?? {}).map(([name, words]) => (
        <label key={name} class={truth === name ? "choice true" : "choice"}>
          <input
            type="radio" name={card.name} value={name} checked={draft === name} disabled={off}
            onChange={() => write(name)}
          />
          <span>
            {inline(words)} {truth === name && <b class="tag">so it was</b>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

// The verdict on the card that is turned up, for who does not see it.
export function spoken(session: Session): string | null {
  const { learner, end } = session.record;
  const verdict = learner.card?.card === "predict" && end ? learner.verdict(learner.card) : null;
  if (!verdict || verdict.dropped || learner.lesson?.answering) return null;
  return `${verdict.right ? "As you said." : "Otherwise than you said."} ${verdict.words}`;
}

export function Verdict({ session, card }: Given) {
  const { learner } = session.record;
  const verdict = learner.verdict(card);
  if (!verdict || learner.lesson?.answering) return null;
  if (verdict.dropped) return <p class="verdict">No answer: {verdict.dropped}. Answer again to run it anew.</p>;
  return (
    <p class={verdict.right ? "verdict right" : "verdict wrong"}>
      <b>
        <span aria-hidden="true">{verdict.right ? "✓" : "✗"}</span>{" "}
        {verdict.right ? "As you said." : "Otherwise than you said."}
      </b>{" "}
      {inline(verdict.words)}
    </p>
  );
}
