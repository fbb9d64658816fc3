// A notebook's widget: what was said so far is in the model, what comes is a custom message.
import type { Host, Message } from "../protocol";

export interface Model {
  get(name: string): unknown;
  on(event: string, hear: (message: Message) => void): void;
  off(event: string, hear: (message: Message) => void): void;
  send(message: unknown): void;
}

export function anywidget(model: Model): Host {
  return {
    mode: model.get("mode") === "replay" ? "replay" : "live",
    subscribe(hear) {
      hear({ kind: "link", up: true });
      for (const message of (model.get("messages") as Message[] | undefined) ?? []) hear(message);
      model.on("msg:custom", hear);
      return () => model.off("msg:custom", hear);
    },
    send(request) {
      model.send(request);
      return Promise.resolve();
    },
  };
}
