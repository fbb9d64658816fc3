// A canvas that is drawn again when something has changed: the run, its width, the colours.
import { useEffect, useRef } from "preact/hooks";

const PAUSE = 60; // milliseconds between two drawings
const SCHEMES = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];

interface Drawn {
  version: number;
  words: string;
  draw: (canvas: HTMLCanvasElement) => void;
}

export function Picture({ version, words, draw }: Drawn) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const late = useRef(0);
  const now = useRef(draw);
  now.current = draw;
  const soon = () => {
    if (late.current) return;
    late.current = window.setTimeout(() => {
      late.current = 0;
      if (canvas.current) now.current(canvas.current);
    }, PAUSE);
  };
  useEffect(soon, [version]);
  useEffect(() => {
    const size = new ResizeObserver(soon);
    size.observe(canvas.current!);
    const media = SCHEMES.map((one) => matchMedia(one));
    media.forEach((one) => one.addEventListener("change", soon));
    return () => {
      size.disconnect();
      media.forEach((one) => one.removeEventListener("change", soon));
      window.clearTimeout(late.current);
    };
  }, []);
  return (
    <div class="picture">
      <span class="probe" hidden />
      <canvas ref={canvas} role="img" aria-label={words} />
    </div>
  );
}
