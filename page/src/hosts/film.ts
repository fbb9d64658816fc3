// Watched runs in a file of their own: all is there, nothing comes any more.
import type { Host, Message } from "../protocol";

export function film(text: string): Host {
  return {
    mode: "replay",
    subscribe(hear) {
      hear({ kind: "link", up: true });
      for (const line of text.split("\n")) if (line.trim()) hear(JSON.parse(line) as Message);
      return () => undefined;
    },
    send: () => Promise.reject(new Error("This is a file: nothing runs that could be steered.")),
  };
}
