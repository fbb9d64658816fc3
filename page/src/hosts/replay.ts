// A recorded run, given as the text of its file: it answers the same requests as a live loop.
import type { Ack, Hello, Host, Message, Request, Site, State, StepName } from "../protocol";

const UNSTEERED = "This is a recording: what has run has run, and no knob changes it.";

export function replay(text: string): Host {
  const messages = parse(text);
  return new Replay(messages);
}

export function parse(text: string): Message[] {
  const found: Message[] = [];
  for (const line of text.split("\n")) {
    if (!line.trim()) continue;
    try {
      found.push(JSON.parse(line) as Message);
    } catch {
      break; // the last line, cut short by the death of its writer
    }
  }
  return found;
}

function isHello(message: Message): boolean {
  return message.kind === "hello";
}

function still(knobs: Hello["knobs"]): Hello["knobs"] {
  const all = Object.entries(knobs);
  return Object.fromEntries(
    all.map(([name, knob]) => [name, { ...knob, works: false, why: UNSTEERED }]),
  );
}

export class Replay implements Host {
  readonly mode = "replay";
  private next = 0;
  private round = 0;
  private iteration = 0;
  private step: StepName | null = null;
  private site: Site | null = null; // where the loop waited before its first moment
  private seen = 0; // the iteration of the last moment
  private wanted: ((message: Message) => boolean)[] = []; // asked for, not yet there
  private paused = true;
  private speed: number | null = 5;
  private timer = 0;
  private hear: (message: Message) => void = () => undefined;

  constructor(private readonly messages: Message[]) {}

  subscribe(hear: (message: Message) => void): () => void {
    this.hear = hear;
    hear({ kind: "link", up: true });
    this.begin();
    return () => this.close();
  }

  close(): void {
    window.clearTimeout(this.timer);
  }

  // One more message of the record. What stands before the first moment is shown at once.
  add(message: Message): void {
    this.messages.push(message);
    if (this.wanted.length) {
      this.serve();
      return;
    }
    const opening = this.seen === 0 && this.next === this.messages.length - 1;
    if (!opening || !this.opens(message)) return;
    this.next += 1;
    this.hand(message);
    this.tell();
  }

  async send(request: Request): Promise<void> {
    await Promise.resolve(); // as over a wire: the answer comes after the question has been put
    if (request.verb === "knob") {
      this.say({ kind: "ack", seq: 0, id: request.id, refused: UNSTEERED });
      return;
    }
    this.obey(request);
    this.say({ kind: "ack", seq: 0, id: request.id, applied: { verb: request.verb } });
    this.tell();
  }

  private obey(request: Request): void {
    if (request.verb === "speed") this.speed = request.value as number | null;
    else if (request.verb === "reset") this.begin();
    else if (request.verb === "play") this.play();
    else if (request.verb === "pause") this.halt();
    else if (request.verb === "step") this.advance((one) => this.shows(one));
    else if (request.verb === "iteration") this.advance((one) => one.kind === "iteration");
    else this.advance(() => false); // a record has no mark at the end of an epoch: to its end
  }

  private halt(): void {
    this.pause();
    this.wanted = [];
  }

  private begin(): void {
    this.halt();
    this.next = 0;
    this.iteration = 0;
    this.step = null;
    this.seen = 0;
    this.round += 1;
    this.site = null;
    while (this.next < this.messages.length && this.opens(this.messages[this.next]!)) {
      this.hand(this.messages[this.next++]!);
    }
    this.tell();
  }

  private opens({ kind }: Message): boolean {
    return !["moment", "iteration", "end", "data", "fitted", "surface"].includes(kind);
  }

  // A record that is still coming in goes on when it has come: nothing asked for is lost.
  private advance(until: (message: Message) => boolean): void {
    this.wanted.push(until);
    this.serve();
  }

  private serve(): void {
    while (this.wanted.length && this.reach(this.wanted[0]!)) this.wanted.shift();
    this.trail();
    if (this.next >= this.messages.length) this.pause();
    this.tell();
  }

  private reach(until: (message: Message) => boolean): boolean {
    while (this.next < this.messages.length) {
      const message = this.messages[this.next++]!;
      const reached = until(message);
      this.hand(message);
      if (reached) return true;
    }
    return false;
  }

  // Where the replay can stand: at a moment, or at an iteration that ran too fast for moments.
  private shows(message: Message): boolean {
    if (message.kind === "iteration") return message.iteration !== this.seen;
    return message.kind === "moment" || message.kind === "hello";
  }

  // A record may hold several runs: at the end of one, the next waits to be asked for.
  private get over(): boolean {
    const next = this.messages[this.next];
    return next !== undefined && isHello(next);
  }

  // What belongs to the moment just shown, such as the sum of its iteration, comes with it.
  private trail(): void {
    while (this.next < this.messages.length && !this.shows(this.messages[this.next]!)) {
      this.hand(this.messages[this.next++]!);
    }
  }

  private hand(message: Message): void {
    if (message.kind === "state") {
      this.site = message.site ?? null; // all else of a state the replay has itself
      return;
    }
    if (message.kind === "moment" || message.kind === "iteration") {
      this.iteration = message.iteration;
      if (message.kind === "moment") {
        this.step = message.step;
        this.seen = message.iteration;
      }
    }
    // Of several runs only the last one's end ends the record.
    if (message.kind === "end" && this.messages.slice(this.next).some(isHello)) return;
    if (message.kind === "hello") {
      [this.iteration, this.step, this.seen, this.site] = [0, null, 0, null];
      this.say(this.again(message));
    } else this.say(message.kind === "knobs" ? { ...message, knobs: still(message.knobs) } : message);
  }

  private again(hello: Hello): Hello {
    const run = `${hello.run} (replay ${this.round})`;
    return { ...hello, mode: "replay", run, knobs: still(hello.knobs) };
  }

  private play(): void {
    this.paused = false;
    const tick = () => {
      if (this.paused) return;
      for (let i = 0; i < (this.speed === null ? 50 : 1) && !this.paused; i++) {
        this.advance((one) => this.shows(one));
        if (this.over) this.pause();
      }
      this.tell();
      this.timer = window.setTimeout(tick, this.speed === null ? 16 : 1000 / this.speed);
    };
    this.timer = window.setTimeout(tick, 0);
  }

  private pause(): void {
    this.paused = true;
    window.clearTimeout(this.timer);
  }

  private tell(): void {
    this.say({
      kind: "state", seq: 0, paused: this.paused, speed: this.speed,
      iteration: this.iteration, step: this.step, knobs: {}, site: this.site,
    } satisfies State);
  }

  private say(message: Message | Ack): void {
    this.hear(message);
  }
}
