// A notebook's widget: what was said so far is in the model, what comes are bundles of lines.
import type { Host } from "../protocol";
import { film } from "./film";
import { parse, replay } from "./replay";

const PATIENCE = 1500; // milliseconds for the answer to what was missed: a busy kernel gives none

export interface Model {
  get(name: string): unknown;
  on(event: string, hear: (content: unknown) => void): void;
  off(event: string, hear: (content: unknown) => void): void;
  send(content: unknown): void;
}

interface Bundle {
  after: number; // the number before the first of its lines, as the sender knows it
  lines: string;
}

export function anywidget(model: Model): Host {
  const record = String(model.get("record") ?? "");
  if (model.get("mode") === "film") return film(record);
  return model.get("mode") === "replay" ? replay(record) : live(model, record);
}

function live(model: Model, record: string): Host {
  return {
    mode: "live",
    resets: false,
    late: "No answer yet. If a cell is running, the notebook is busy: it waits until the cell ends.",
    subscribe(hear) {
      let last = 0;
      const take = (lines: string) => {
        for (const message of parse(lines)) {
          const seq = message.seq ?? 0;
          if (seq <= last) continue;
          last = seq;
          hear(message);
        }
      };
      // The model's record may be old: what came since is asked for, and what comes meanwhile
      // waits, for as long as an answer may be expected.
      let waiting: Bundle[] | null = [];
      const settle = () => {
        window.clearTimeout(timer);
        for (const one of waiting ?? []) take(one.lines);
        waiting = null;
      };
      const ask = () => {
        waiting ??= [];
        model.send({ since: last });
        timer = window.setTimeout(settle, PATIENCE);
      };
      const listen = (content: unknown) => {
        const bundle = content as Bundle;
        if (bundle.after <= last) {
          take(bundle.lines);
          if (waiting) settle();
        } else if (waiting) waiting.push(bundle);
        else {
          ask();
          waiting!.push(bundle);
        }
      };
      let timer = 0;
      hear({ kind: "link", up: true });
      take(record);
      model.on("msg:custom", listen);
      ask();
      return () => {
        window.clearTimeout(timer);
        model.off("msg:custom", listen);
      };
    },
    send(request) {
      model.send(request);
      return Promise.resolve();
    },
  };
}
