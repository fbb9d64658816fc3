// The served page: server-sent events down, POST up.
import type { Host, Message, Request } from "../protocol";

const FIRST_WAIT = 500; // milliseconds; doubled up to LAST_WAIT while nobody answers
const LAST_WAIT = 4000;

export function http(base = ""): Host {
  return { mode: "live", subscribe: (hear) => listen(base, hear), send: (one) => post(base, one) };
}

function listen(base: string, hear: (message: Message) => void): () => void {
  let stream: EventSource | null = null;
  let timer = 0;
  let wait = FIRST_WAIT;
  let last = 0;

  const take = (event: MessageEvent<string>) => {
    const message = JSON.parse(event.data) as Message;
    // A hello stands first in its record: a new record counts from its own beginning.
    last = message.kind === "hello" ? (message.seq ?? 0) : Math.max(last, message.seq ?? 0);
    if (message.kind === "skipped") last = Math.max(last, message.to);
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

async function post(base: string, request: Request): Promise<void> {
  let answer: Response;
  try {
    answer = await fetch(`${base}/request`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(request),
    });
  } catch {
    throw new Error("nobody answers: the script may have ended");
  }
  if (!answer.ok) throw new Error(`refused (${answer.status})`);
}
