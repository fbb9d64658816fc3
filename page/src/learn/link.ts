// A lesson in the page's address: which, at which card, with which settings.
import type { Session } from "../session";
import type { Lesson, Setting, Values } from "./types";

const SET = "set."; // before the name of a setting
const HISTORY = 300; // milliseconds: what was told before we came is told first, and is over

export class LessonLink {
  words = ""; // what of the link could not be followed
  private wanted: URLSearchParams | null = null;
  private foreign: string[] = [];
  private asking = false;
  private sent = new Set<string>(); // what was asked for on the way there, each once
  private ready: boolean | null = null; // null: no lesson was heard yet

  read(given: URLSearchParams, known: string[]): void {
    if (given.has("lesson")) this.wanted = given;
    this.sent.clear();
    this.words = "";
    const ours = (name: string) => [...known, "lesson", "card"].includes(name) || name.startsWith(SET);
    this.foreign = [...given.keys()].filter((name) => !ours(name));
  }

  // The viewer goes elsewhere: the link has had its time.
  touched(): void {
    if (!this.asking) this.wanted = null;
  }

  // One thing after the other, as the answers come: the lesson, its settings, the card.
  heard(session: Session): void {
    const { learner, state } = session.record;
    const { lesson, lessons } = learner;
    if (!lesson && state && this.wanted) this.give("No lesson runs here: the link's lesson is not opened.");
    if (!lesson || lessons.length === 0) return;
    if (this.foreign.length) this.tell(`What this page does not know in its address was left out: ${this.foreign.join(", ")}.`);
    this.foreign = [];
    if (this.ready === null) {
      this.ready = false;
      window.setTimeout(() => {
        this.ready = true;
        this.heard(session);
        session.changed();
      }, HISTORY);
    }
    if (!this.wanted || !this.ready) return;
    const [given, number] = [this.wanted, whole(this.wanted.get("lesson"))];
    if (!lessons[number - 1]) {
      this.give(`The link names lesson ${given.get("lesson") || "?"}: there are lessons 1 to ${lessons.length}.`);
    } else if (lesson.number !== number) {
      this.ask(session, "lesson", number);
    } else {
      const missing = this.missing(lesson, given);
      if (Object.keys(missing).length) this.ask(session, "settings", missing);
      else this.turn(session, lesson, given);
    }
  }

  put(found: URLSearchParams, session: Session): void {
    const { learner } = session.record;
    if (this.wanted) {
      for (const [name, value] of this.wanted) if (/^(lesson|card)$|^set\./.test(name)) found.set(name, value);
    } else if (learner.lesson) {
      const { number, settings, values } = learner.lesson;
      found.set("lesson", String(number));
      found.set("card", String(learner.place + 1));
      for (const one of settings) if (values[one.name] !== one.value) found.set(SET + one.name, String(values[one.name]));
    }
  }

  private ask(session: Session, what: "lesson" | "settings", value: number | Values): void {
    const key = JSON.stringify([what, value]);
    if (this.sent.has(key)) return;
    this.sent.add(key);
    this.asking = true;
    session.learn(what, value);
    this.asking = false;
  }

  // Settings of the link that do not hold yet; the others begin as the lesson has them.
  private missing(lesson: Lesson, given: URLSearchParams): Values {
    const wanted = Object.fromEntries(lesson.settings.map((one) => [one.name, one.value]));
    for (const [key, text] of given) {
      if (!key.startsWith(SET)) continue;
      const setting = lesson.settings.find((one) => SET + one.name === key);
      const value = setting && taken(setting, text);
      if (value === undefined) this.tell(`The link's ${key.slice(SET.length)} ${text} is none that this lesson takes.`);
      else wanted[setting!.name] = value;
    }
    return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => lesson.values[name] !== value));
  }

  private turn(session: Session, lesson: Lesson, given: URLSearchParams): void {
    const card = whole(given.get("card") ?? "1");
    if (lesson.cards[card - 1]) session.record.learner.turn(card - 1);
    else this.tell(`The link names card ${given.get("card")}: this lesson has ${lesson.cards.length}.`);
    this.wanted = null;
  }

  private give(words: string): void {
    this.tell(words);
    this.wanted = null;
  }

  private tell(words: string): void {
    if (!this.words.includes(words)) this.words = `${this.words} ${words}`.trim();
  }
}

function whole(text: string | null): number {
  return /^\d{1,3}$/.test(text ?? "") ? Number(text) : 0;
}

function taken(setting: Setting, text: string): number | string | undefined {
  const { choices, range, whole: full } = setting;
  if (choices) return Object.hasOwn(choices, text) ? text : undefined;
  const value = text.trim() === "" ? NaN : Number(text);
  const fits = range && value >= range[0] && value <= range[1] && (!full || Number.isInteger(value));
  return fits ? value : undefined;
}
