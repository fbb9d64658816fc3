// The keyboard. It is listened to inside the component alone, so nothing acts while focus is elsewhere.
import type { Session } from "./session";

export const KEYS: [string, string][] = [
  ["Space", "play or pause"],
  ["S", "one of the five steps"],
  ["N", "to the end of this iteration"],
  ["R", "reset: from the beginning, same seed"],
  ["Z", "leave zero_grad out, or take it in again"],
  ["← →", "back and forward through what was recorded"],
  ["Home, End", "to the first recorded step; back to now"],
  ["?", "this list"],
  ["Esc", "close this list or a note; back to now"],
];

export function press(session: Session, event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return;
  if (event.repeat && event.key === "Enter" && target.matches("button")) event.preventDefault(); // pressed once
  if (keeps(target, event.key)) return;
  const act = action(session, event.key);
  if (!act) return;
  event.preventDefault();
  if (!event.repeat || goesOn(session, event.key)) act();
}

// A key that is held: steps follow each other once they are answered, looks once they are drawn.
function goesOn(session: Session, key: string): boolean {
  if (key === "ArrowLeft" || key === "ArrowRight") return session.drawn;
  return ["s", "n"].includes(key.toLowerCase()) && session.answered("verb");
}

// Keys that the focused element has a use for itself are left to it.
function keeps(target: Element, key: string): boolean {
  if (target.matches("input[type=number], select, textarea")) return key !== "Escape";
  if (target.matches("input[type=range]")) return /^(Arrow|Home|End)/.test(key);
  if (target.matches("input[type=radio]") && /^Arrow/.test(key)) return true;
  if (key === " ") return target.matches("button, summary, input, a");
  return target.matches("[data-scrolls]") && /^(Home|End)/.test(key);
}

function action(session: Session, key: string): (() => void) | undefined {
  const live = session.reachable && !session.ended;
  const moves: { [key: string]: () => void } = {
    ArrowLeft: () => session.look(-1),
    ArrowRight: () => session.look(1),
    Home: () => session.look(-session.place),
    End: () => session.now(),
    "?": () => flip(session, !session.help),
    Escape: () => (session.help ? flip(session, false) : session.note || session.link.lesson.words ? session.closeNote() : session.now()),
    ...(session.reachable && { r: () => session.do("reset") }),
    ...(live && {
      " ": () => session.do(session.paused ? "play" : "pause"),
      s: () => session.do("step"),
      n: () => session.do("iteration"),
      z: () => skip(session),
    }),
  };
  return moves[key.length === 1 ? key.toLowerCase() : key];
}

function flip(session: Session, help: boolean): void {
  session.help = help;
  session.changed();
}

function skip(session: Session): void {
  if (session.record.hello?.knobs.skip_zero_grad?.works) {
    session.turn("skip_zero_grad", session.value("skip_zero_grad") !== true);
  }
}
