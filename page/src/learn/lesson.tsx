import { useEffect, useRef } from "preact/hooks";
import type { Session } from "../session";
import { Ask, Verdict } from "./predict";
import { Text } from "./text";
import type { Card } from "./types";

const KINDS = { explain: "Explain", see: "See", do: "Do", predict: "Predict" };

// The lessons, and the card that is turned up. Nothing of it is there where no lesson is.
export function LessonPane({ session }: { session: Session }) {
  const { lesson } = session.record.learner;
  if (!lesson) return null;
  return (
    <div class="lesson">
      <Lessons session={session} />
      <section class="panel card-panel" aria-labelledby="lesson-title">
        <div class="title">
          <h2 id="lesson-title">
            Lesson {lesson.number}: {lesson.title}
          </h2>
          <span class="quiet">{lesson.about}</span>
        </div>
        <CardPane session={session} />
      </section>
    </div>
  );
}

function Lessons({ session }: { session: Session }) {
  const { learner } = session.record;
  if (learner.lessons.length < 2) return null;
  const here = learner.lesson!.number;
  return (
    <nav class="lessons" aria-label="Lessons">
      <ol>
        {learner.lessons.map(({ title }, i) => {
          const done = learner.isDone(i + 1);
          return (
            <li key={title}>
              <button
                type="button" aria-current={here === i + 1 ? "true" : undefined}
                aria-label={`Lesson ${i + 1}: ${title}${done ? ", done" : ""}`}
                disabled={!session.reachable}
                onClick={() => here !== i + 1 && session.learn("lesson", i + 1)}
              >
                <span>{done ? "✓" : i + 1}</span> <span class="lesson-name">{title}</span>
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

function CardPane({ session }: { session: Session }) {
  const { learner } = session.record;
  const { place, card, lesson } = learner;
  const heading = useRef<HTMLHeadingElement>(null);
  const turned = useRef(false);
  useEffect(() => {
    if (turned.current) heading.current?.focus({ preventScroll: true });
    turned.current = false;
  }, [place]);
  if (!card || !lesson) return null;
  const turn = (to: number) => {
    turned.current = true;
    session.turnCard(to);
  };
  const last = place === lesson.cards.length - 1;
  const met = learner.met(session.record);
  return (
    <div class={`card ${card.card}`} key={learner.key()}>
      <div class="said">
        <h3 ref={heading} tabIndex={-1}>
          {KINDS[card.card]}{" "}
          <span class="quiet">
            card {place + 1} of {lesson.cards.length}
          </span>
        </h3>
        <Text text={card.text} />
        <Body session={session} card={card} met={met} />
      </div>
      {card.card === "predict" && <Ask session={session} card={card} />}
      <div class="turning">
        <button type="button" disabled={place === 0} onClick={() => turn(place - 1)}>
          Previous card
        </button>
        {last ? (
          <Finish session={session} />
        ) : (
          <button type="button" class={met ? "strong" : ""} onClick={() => turn(place + 1)}>
            {met ? "Next card" : "Skip this card"}
          </button>
        )}
      </div>
    </div>
  );
}

function Body({ session, card, met }: { session: Session; card: Card; met: boolean }) {
  const { learner } = session.record;
  if (card.card === "see") {
    return (
      <p>
        <button type="button" onClick={(event) => point(event.currentTarget, card.panel)}>
          Show me where
        </button>
      </p>
    );
  }
  if (card.card === "do") {
    const count = Math.min(learner.count(session.record), card.done.times);
    return (
      <p class="todo">
        <span class={`mark ${met ? "met" : ""}`} aria-hidden="true">{met ? "✓" : "○"}</span>
        {met ? "Done." : card.done.times > 1 ? `${count} of ${card.done.times} done` : "Not done yet"}
        {card.start && (
          <button type="button" onClick={() => session.turnCard(learner.place)}>
            Set it up again
          </button>
        )}
      </p>
    );
  }
  return card.card === "predict" ? <Verdict session={session} card={card} /> : null;
}

function Finish({ session }: { session: Session }) {
  const { learner } = session.record;
  const number = learner.lesson!.number;
  const next = number < learner.lessons.length;
  return (
    <>
      <button
        type="button" class="strong"
        onClick={() => {
          learner.finish();
          if (next) session.learn("lesson", number + 1);
          session.changed();
        }}
      >
        {next ? "Done: to the next lesson" : "Done"}
      </button>
      {!next && learner.isDone(number) && <span>That was the last one.</span>}
    </>
  );
}

// A panel is shown by a frame around it, and by bringing it into sight.
export function point(from: HTMLElement, panel: string): void {
  const root = from.closest(".root")!;
  root.querySelectorAll(".pointed").forEach((one) => one.classList.remove("pointed"));
  const target = root.querySelector<HTMLElement>(`.${panel}`);
  if (!target) return;
  target.classList.add("pointed");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
}
