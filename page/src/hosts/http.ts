// The served page: server-sent events down, POST up. A served record is played in the page itself.
import type { Host, Message, Request } from "../protocol";
import { Replay } from "./replay";

const FIRST_WAIT = 500; // milliseconds; doubled up to LAST_WAIT while nobody answers
const LAST_WAIT = 4000;

export function http(base = ""): Host {
  let player: Replay | null = null;
  return {
    mode: "live",
    saves: `${base}/run.html`,
    subscribe(hear) {
      const leave = listen(base, (message) => {
        if (message.kind === "hello" && message.mode === "replay" && player === null) {
          player = new Replay([]);
          player.subscribe(hear);
        }
        if (player === null || message.kind === "link") hear(message);
        else player.add(message);
      });
      return () => {
        leave();
        player?.close();
      };
    },
    send: (request) => (player === null ? post(base, request) : player.send(request)),
  };
}

function listen(base: string, hear: (message: Message) => void): () => void {
  let stream: EventSource | null = null;
  let timer = 0;
  let wait = FIRST_WAIT;
  let last = 0;

  const take = (event: MessageEvent<string>) => {
    const message = JSON.parse(event.data) as Message;
    const seq = message.kind === "skipped" ? message.to : (message.seq ?? 0);
    // A hello stands first in its record: a new record counts from its own beginning.
    last = message.kind === "hello" ? seq : Math.max(last, seq);
    hear(message);
  };
  const open = () => {
    close();
    stream = new EventSource(`${base}/events?after=${last}`);
    stream.onmessage = take;
    stream.onopen = () => {
      wait = FIRST_WAIT;
      hear({ kind: "link", up: true });
    };
    stream.onerror = () => {
      close();
      hear({ kind: "link", up: false });
      // A stream does not say why it was refused.
      void unknown(base).then((yes) => yes && stream === null && hear({ kind: "link", up: false, stranger: true }));
      timer = window.setTimeout(open, wait);
      wait = Math.min(2 * wait, LAST_WAIT);
    };
  };
  const close = () => {
    window.clearTimeout(timer);
    stream?.close();
    stream = null;
  };
  // A browser has six connections for a server: a hidden tab lets its own go.
  const turn = () => (document.hidden ? close() : open());

  document.addEventListener("visibilitychange", turn);
  turn();
  return () => {
    document.removeEventListener("visibilitychange", turn);
    close();
  };
}

// Another server has taken this one's place, to which this window never came by its link.
async function unknown(base: string): Promise<boolean> {
  try {
    return (await fetch(`${base}/component.js`, { cache: "no-store" })).status === 401;
  } catch {
    return false;
  }
}

async function post(base: string, request: Request): Promise<void> {
  let answer: Response;
  try {
    answer = await fetch(`${base}/request`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(request),
    });
  } catch {
    throw new Error("Nobody answers: the script may have ended.");
  }
  if (!answer.ok) throw new Error(`Refused: ${await why(answer)}`);
}

async function why(answer: Response): Promise<string> {
  try {
    return String(((await answer.json()) as { refused: unknown }).refused);
  } catch {
    return `status ${answer.status}`;
  }
}
