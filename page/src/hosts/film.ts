// Watched runs in a file of their own: all is there, nothing comes any more.
import type { Host } from "../protocol";
import { parse } from "./replay";

export function film(text: string): Host {
  return {
    mode: "replay",
    subscribe(hear) {
      hear({ kind: "link", up: true });
      parse(text).forEach(hear);
      return () => undefined;
    },
    send: () => Promise.reject(new Error("This is a file: nothing runs that could be steered.")),
  };
}
