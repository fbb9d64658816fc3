// What a screen reader is told: one polite region, at most once a second, the newest sentence only.
import { useEffect, useRef, useState } from "preact/hooks";

const PAUSE = 1000; // milliseconds

export function Voice({ text }: { text: string }) {
  const [said, say] = useState("");
  const waiting = useRef({ text: "", timer: 0, at: 0 });
  waiting.current.text = text;
  useEffect(() => {
    const one = waiting.current;
    if (one.timer || one.text === said) return;
    one.timer = window.setTimeout(
      () => {
        one.timer = 0;
        one.at = Date.now();
        say(one.text);
      },
      Math.max(50, one.at + PAUSE - Date.now()),
    );
  }, [text, said]);
  useEffect(() => () => window.clearTimeout(waiting.current.timer), []);
  return (
    <div class="unseen" role="status" aria-live="polite">
      {said}
    </div>
  );
}
