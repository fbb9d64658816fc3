// Words of a lesson: `code`, **strong**, and an empty line between paragraphs. Nothing else is read.
import type { ComponentChild } from "preact";

export function Text({ text }: { text: string }) {
  return <>{text.split("\n\n").map((part, i) => <p key={i}>{inline(part)}</p>)}</>;
}

export function inline(text: string): ComponentChild[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part, i) => {
    if (part.startsWith("`")) return <code key={i}>{part.slice(1, -1)}</code>;
    if (part.startsWith("**")) return <b key={i}>{part.slice(2, -2)}</b>;
    return part;
  });
}
