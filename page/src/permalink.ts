// How one looks at a run, kept in the address of the page: a reload has it again, a link shows it.
import { LessonLink } from "./learn/link";
import type { KnobValue } from "./protocol";
import type { Session } from "./session";

const KNOBS = ["lr", "momentum", "skip_zero_grad", "zero_grad_at", "clip", "eval_mode", "speed"];

export class Link {
  log = false; // the loss on a logarithmic scale
  lesson = new LessonLink();
  private wanted = new Map<string, KnobValue>(); // knobs, the speed, the seed
  private cursor: [string, number] | null = null; // a run, and the number of a moment in it
  private written = "";

  read(hash: string): void {
    const given = new URLSearchParams(hash.replace(/^#/, ""));
    this.log = given.get("log") === "1";
    this.lesson.read(given, ["log", "run", "at", "seed", ...KNOBS]);
    const at = Number(given.get("at"));
    if (at > 0) this.cursor = [given.get("run") ?? "", at];
    for (const name of [...KNOBS, "seed"]) {
      const value = parsed(given.get(name));
      if (value !== undefined) this.wanted.set(name, value);
    }
  }

  follow(session: Session): void {
    this.wanted.clear();
    this.cursor = null;
    this.read(location.hash);
    this.heard(session);
    session.changed();
  }

  // The moment that was looked at, as soon as the record has come so far.
  heard(session: Session): void {
    const { record } = session;
    this.lesson.heard(session);
    if (this.cursor === null || record.hello === null) return;
    const [run, at] = this.cursor;
    if (record.hello.run !== run) this.cursor = null;
    else if ((record.moments[record.moments.length - 1]?.seq ?? 0) > at) {
      this.cursor = null;
      session.lookAt(at);
    }
  }

  // What the link asks for and does not hold: the seed first, for it begins the run anew.
  open(session: Session): [string, KnobValue][] {
    const { hello, end } = session.record;
    if (hello === null || hello.mode === "replay" || !session.reachable) return [];
    const seed = this.wanted.get("seed");
    if (seed !== undefined && seed !== (hello.seed ?? null)) return [["seed", seed]];
    if (end !== null) return [];
    return [...this.wanted].filter(([name, value]) => {
      const works = name === "speed" || hello.knobs[name]?.works;
      return name !== "seed" && works && !session.asked.has(name) && holds(session, name) !== value;
    });
  }

  turn(session: Session): void {
    for (const [name, value] of this.open(session)) {
      if (name === "seed") session.do("reset", value);
      else if (name === "speed") session.do("speed", value);
      else session.turn(name, value);
    }
  }

  leave(session: Session): void {
    this.wanted.clear();
    session.changed();
  }

  write(session: Session): void {
    const text = this.text(session);
    if (session.record.hello === null || text === this.written) return;
    this.written = text;
    history.replaceState(history.state, "", text ? `#${text}` : location.pathname + location.search);
  }

  private text(session: Session): string {
    const { hello } = session.record;
    const found = new URLSearchParams();
    this.lesson.put(found, session);
    if (this.log) found.set("log", "1");
    const at = session.cursor ?? this.cursor?.[1];
    if (at && hello) {
      found.set("run", hello.run);
      found.set("at", String(at));
    }
    const seed = hello?.seed ?? this.wanted.get("seed");
    if (seed !== undefined && seed !== null) found.set("seed", String(seed));
    for (const name of KNOBS) {
      const value = session.asked.has(name) ? holds(session, name) : this.wanted.get(name);
      if (value !== undefined) found.set(name, JSON.stringify(value));
    }
    return found.toString();
  }
}

function holds(session: Session, name: string): KnobValue | undefined {
  return name === "speed" ? session.record.state?.speed : session.record.knob(name);
}

function parsed(text: string | null): KnobValue | undefined {
  if (text === null) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const plain = value === null || ["number", "string", "boolean"].includes(typeof value);
    return plain ? (value as KnobValue) : undefined;
  } catch {
    return undefined;
  }
}
