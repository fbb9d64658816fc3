// One viewing: the record, where the viewer stands in it, and what was asked of the loop.
import { Before } from "./before";
import type { Host, KnobValue, Message, Moment, Note, Request, Verb } from "./protocol";
import type { LearnValue, LearnVerb, Values } from "./learn/types";
import { Link } from "./permalink";
import { Record } from "./record";
import { Films } from "./watch/film";

const PATIENCE = 3000; // milliseconds until a request without an answer is called so

export interface Asked {
  id: string;
  value?: LearnValue;
  late: boolean;
  failed?: string;
}

export class Session {
  record = new Record();
  films = new Films(); // of a page that watches
  cursor: number | null = null; // seq of the moment looked back at; null: the newest
  asked = new Map<string, Asked>(); // the last request for each knob, and for "verb"
  heard = 0; // the number of the newest message
  help = false;
  told = ""; // said once, after something was pressed
  private read = 0; // notes of this run that were closed
  before: Before | null = null; // the run before this one
  link = new Link(); // what the page's address keeps
  marked: { file: string | null; line: number | null } | null = null; // the line a finding shows
  private count = 0;
  private drawing = false;
  private readonly leave: () => void;
  private readonly prefix = Math.random().toString(36).slice(2, 8);

  constructor(readonly host: Host, private readonly draw: () => void) {
    this.leave = host.subscribe((message) => this.hear(message));
  }

  close(): void {
    this.leave();
  }

  private hear(message: Message): void {
    this.heard = message.seq ?? this.heard;
    if (this.films.take(message)) {
      this.changed();
      return;
    }
    const run = this.record.hello?.run;
    const old = message.kind === "hello" ? Object.assign(new Record(), this.record) : this.record;
    this.record.take(message);
    if (message.kind === "state" || message.kind === "end") this.told = "";
    this.link.heard(this);
    if (this.record.hello?.run !== run) {
      if (run !== undefined) this.before = Before.after(old, this.record, this.before);
      this.cursor = null;
      this.marked = null;
      this.read = 0;
      this.asked.clear(); // what was asked of the run before does not hold for this one
    }
    this.changed();
  }

  // Many messages, one drawing: the screen is asked for a frame once.
  changed(): void {
    if (this.drawing) return;
    this.drawing = true;
    const now = () => {
      this.drawing = false;
      this.draw();
    };
    if (document.hidden) window.setTimeout(now, 200);
    else requestAnimationFrame(now);
  }

  get past(): boolean {
    return this.cursor !== null;
  }

  get place(): number {
    const { moments } = this.record;
    return this.cursor === null ? moments.length - 1 : this.record.place(this.cursor);
  }

  get moment(): Moment | null {
    return this.record.moments[this.place] ?? null;
  }

  // Where the viewer stands; a loop that runs fast tells of its iterations, not of each moment.
  get iteration(): number {
    const { moments, iterations, state } = this.record;
    const moment = moments[this.place]?.iteration ?? 0;
    if (this.past) return moment;
    return Math.max(moment, iterations[iterations.length - 1] ?? 0, state?.iteration ?? 0);
  }

  // The moment, if it is where the loop stands: one that ran on in silence has left it behind.
  get fresh(): Moment | null {
    const { moment } = this;
    return moment && (this.past || moment.iteration === this.iteration) ? moment : null;
  }

  get paused(): boolean {
    return this.record.state?.paused ?? true;
  }

  get reachable(): boolean {
    return this.record.up && this.record.hello !== null;
  }

  get ended(): boolean {
    return this.record.end !== null;
  }

  look(places: number): void {
    const target = this.place + places;
    if (target < 0) return;
    this.marked = null;
    if (target >= this.record.moments.length - 1) this.cursor = null;
    else this.cursor = this.record.moments[target]!.seq;
    this.changed();
  }

  lookAt(seq: number): void {
    const place = Math.max(0, this.record.place(seq));
    const moment = this.record.moments[place];
    if (!moment) return;
    this.cursor = place >= this.record.moments.length - 1 ? null : moment.seq;
    this.changed();
  }

  now(): void {
    this.cursor = null;
    this.marked = null;
    this.changed();
  }

  do(verb: Exclude<Verb, "knob" | LearnVerb>, value?: KnobValue): void {
    this.now();
    this.ask(verb === "speed" ? "speed" : "verb", { id: "", verb, value });
  }

  // A note stays until it is closed, or until another knob is turned.
  get note(): Note | null {
    const { notes } = this.record;
    return notes.length > this.read ? notes[notes.length - 1]! : null;
  }

  closeNote(): void {
    this.read = this.record.notes.length;
    this.link.lesson.words = "";
    this.changed();
  }

  turn(name: string, value: KnobValue): void {
    if (this.note?.level === "info") this.closeNote();
    this.ask(name, { id: "", verb: "knob", name, value });
  }

  // What concerns a lesson.
  learn(verb: LearnVerb, value: LearnValue, name?: string): void {
    this.now();
    this.link.lesson.touched();
    this.ask(`learn-${verb}`, { id: "", verb, value, ...(name !== undefined && { name }) });
  }

  // Turn up a card; where it says with which settings it begins, the script begins anew.
  turnCard(place: number): void {
    const { learner } = this.record;
    this.link.lesson.touched();
    if (place === learner.place) learner.forget();
    learner.turn(place);
    const card = learner.card;
    if (card?.card === "do" && card.start !== null) this.prepare({ ...learner.defaults(), ...card.start });
    this.changed();
  }

  private prepare(values: Values): void {
    const { learner, end } = this.record;
    const { lesson } = learner;
    learner.opened = values;
    const same = JSON.stringify(values) === JSON.stringify(lesson?.values) && !lesson?.answering;
    if (same && this.iteration === 0 && end === null) return; // it waits at its beginning already
    if (Object.keys(values).length > 0) this.learn("settings", values);
    else this.do("reset");
    learner.deeds = [];
  }

  private ask(key: string, request: Request): void {
    const id = `${this.prefix}-${++this.count}`;
    this.told = "";
    const asked: Asked = { id, value: request.value, late: false };
    this.asked.set(key, asked);
    this.record.learner.deeds.push(id);
    window.setTimeout(() => {
      asked.late = true;
      this.changed();
    }, PATIENCE);
    this.host.send({ ...request, id }).catch((error: Error) => {
      asked.failed = error.message;
      this.changed();
    });
    this.changed();
  }

  get drawn(): boolean {
    return !this.drawing;
  }

  answered(key: string): boolean {
    const asked = this.asked.get(key);
    return !asked || asked.failed !== undefined || this.record.acks.has(asked.id);
  }

  // What became of the last request for a knob, in words; "" if there was none.
  answer(key: string): { text: string; bad: boolean } {
    const asked = this.asked.get(key);
    if (!asked) return { text: "", bad: false };
    if (asked.failed) return { text: asked.failed, bad: true };
    const ack = this.record.acks.get(asked.id);
    if (ack?.refused) return { text: `Refused: ${ack.refused}`, bad: true };
    if (!ack) return { text: asked.late ? (this.host.late ?? "no answer yet") : "asked", bad: asked.late };
    const step = ack.step ? `, ${ack.step}` : "";
    return { text: ack.iteration ? `acts since iteration ${ack.iteration}${step}` : "acts", bad: false };
  }

  // The value to show for a knob: what was asked for, until it is answered; then what holds.
  value(name: string): KnobValue | undefined {
    const asked = this.asked.get(name);
    const open = asked && !asked.failed && !this.record.acks.has(asked.id);
    return open ? (asked.value as KnobValue) : this.record.knob(name);
  }
}
