// What a learner has before them: the lesson, the card, the verdicts; and which lessons are done.
import type { Record } from "../record";
import type { Card, Learning, Lesson, Lessons, Predict, Values, Verdict } from "./types";

const KEPT = "fivestep-learn"; // in the window's own storage, if it has one

interface Progress {
  card: { [lesson: number]: number };
  done: number[];
  met?: string[]; // cards that ask for something to be done, and have got it
}

export class Learner {
  lessons: Lessons["lessons"] = [];
  lesson: Lesson | null = null;
  verdicts = new Map<string, Verdict>();
  drafts = new Map<string, string | number[]>(); // answers not yet given
  deeds: string[] = []; // what was asked for since this card was turned up, but for its own beginning
  opened: Values = {}; // the settings then
  private progress: Progress = restored();

  take(message: Learning): void {
    if (message.kind === "lessons") this.lessons = message.lessons;
    else if (message.kind === "lesson") this.begin(message);
    else if (message.kind === "verdict") this.hear(message);
  }

  private begin(lesson: Lesson): void {
    if (this.lesson?.number !== lesson.number) this.opened = lesson.values;
    this.lesson = lesson;
  }

  private hear(verdict: Verdict): void {
    const key = `${verdict.lesson}/${verdict.question}`;
    this.verdicts.set(key, verdict);
    // After a reload: what was answered stands beside what came of it.
    if (verdict.answer !== undefined && !this.drafts.has(key)) this.drafts.set(key, verdict.answer);
    if (this.lesson) this.lesson = { ...this.lesson, answering: null };
  }

  get place(): number {
    const { lesson } = this;
    if (!lesson) return 0;
    return Math.min(this.progress.card[lesson.number] ?? 0, lesson.cards.length - 1);
  }

  get card(): Card | null {
    return this.lesson?.cards[this.place] ?? null;
  }

  // The name of a card, within all lessons.
  key(part: string | number = this.place): string {
    return `${this.lesson?.number}/${part}`;
  }

  verdict(card: Predict): Verdict | null {
    return this.verdicts.get(this.key(card.name)) ?? null;
  }

  // The question is open again, and what was chosen is forgotten; a drawing stays, to be drawn on.
  again(card: Predict): void {
    this.verdicts.delete(this.key(card.name));
    if (card.how === "choose") this.drafts.delete(this.key(card.name));
  }

  defaults(): Values {
    return Object.fromEntries((this.lesson?.settings ?? []).map((one) => [one.name, one.value]));
  }

  turn(place: number): void {
    const { lesson, progress } = this;
    if (!lesson) return;
    progress.card[lesson.number] = place;
    this.deeds = [];
    this.opened = lesson.values;
    keep(progress);
  }

  // The present card begins anew.
  forget(): void {
    this.progress.met = this.finished.filter((one) => one !== this.key());
  }

  private get finished(): string[] {
    return this.progress.met ?? [];
  }

  finish(): void {
    const { lesson, progress } = this;
    if (!lesson || progress.done.includes(lesson.number)) return;
    progress.done.push(lesson.number);
    keep(progress);
  }

  isDone(lesson: number): boolean {
    return this.progress.done.includes(lesson);
  }

  // Whether what the present card asks for has been done. Once done, it stays so.
  met(record: Record): boolean {
    const { card } = this;
    if (card?.card === "predict") {
      const verdict = this.verdict(card);
      return verdict !== null && !verdict.dropped;
    }
    if (card?.card !== "do") return true;
    if (!this.finished.includes(this.key()) && this.count(record) >= card.done.times) {
      this.progress.met = [...this.finished, this.key()];
      keep(this.progress);
    }
    return this.finished.includes(this.key());
  }

  // What the card waits for: the verb that is to be pressed, if it is one; "" if it waits for nothing.
  wanted(record: Record): string {
    const { card } = this;
    if (card?.card !== "do" || this.met(record)) return "";
    return card.done.verb === "end" ? "play" : card.done.verb;
  }

  // How often it was done: by the learner, since the card was turned up. The runs of a question and what
  // the card itself begins with are none of their doing.
  count(record: Record): number {
    const { card, lesson } = this;
    if (card?.card !== "do" || !lesson) return 0;
    const { verb, knob, setting } = card.done;
    const { end } = record;
    return this.deeds.filter((id) => {
      const { seq, applied } = record.acks.get(id) ?? {};
      if (!applied) return false;
      if (setting) {
        const begun = applied.verb === "settings" && seq! < lesson.seq;
        return (begun && lesson.values[setting] !== this.opened[setting]) || (knob && applied.knob === knob);
      }
      if (verb === "end") return end && end.reason !== "reset" && seq! < end.seq;
      return knob ? applied.knob === knob : applied.verb === verb;
    }).length;
  }
}

function restored(): Progress {
  try {
    const kept = JSON.parse(window.sessionStorage.getItem(KEPT) ?? "null") as Progress | null;
    if (kept && Array.isArray(kept.done) && typeof kept.card === "object") return kept;
  } catch {
    // no storage here: a learner's place is kept as long as the page is
  }
  return { card: {}, done: [] };
}

function keep(progress: Progress): void {
  try {
    window.sessionStorage.setItem(KEPT, JSON.stringify(progress));
  } catch {
    // as above
  }
}
