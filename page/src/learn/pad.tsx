import { maybe, shown } from "../numbers";
import { Frame, line, Scale } from "./frame";
import type { Curve, Predict } from "./types";

interface Given {
  card: Predict;
  points: number[];
  off: boolean;
  now: () => number[]; // what was written last, though it may not have been drawn yet
  write: (points: number[]) => void;
  curves: Curve[];
}

// A curve to be drawn with the pointer or with the arrow keys. The first point is the first loss.
export function Pad({ card, points, off, now, write, curves }: Given) {
  const scale = new Scale(card.span ?? 10, card.top ?? 2);
  const last = points.length - 1;
  const iteration = (i: number) => Math.round(1 + (i / last) * (scale.span - 1));
  const set = (i: number, share: number) => {
    if (off || i < 1) return;
    const kept = Math.min(Math.max(share, 0), scale.top);
    write(now().map((one, j) => (j === i ? Number(kept.toFixed(3)) : one)));
  };
  const draw = (svg: SVGSVGElement, event: PointerEvent) => {
    const [where, share] = scale.at(svg, event);
    set(Math.round(((where - 1) / (scale.span - 1)) * last), share);
  };
  const press = (i: number) => (event: KeyboardEvent) => {
    const fine = scale.top / 40;
    const moves: { [key: string]: number } = {
      ArrowUp: fine, ArrowDown: -fine, PageUp: 5 * fine, PageDown: -5 * fine,
      Home: -scale.top, End: scale.top,
    };
    const next = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (moves[event.key] === undefined && next === undefined) return;
    event.preventDefault();
    if (next === undefined) set(i, now()[i]! + moves[event.key]!);
    else sibling(event.currentTarget as Element, next)?.focus();
  };
  const path = points.map((share, i) => `${i ? "L" : "M"}${scale.x(iteration(i))} ${scale.y(share)}`);
  const real = curves[0];
  const ends = real ? (maybe(real.losses.at(-1)) ?? NaN) / (maybe(real.losses[0]) || 1) : 0;
  const over = real?.losses.some((one) => !((maybe(one) ?? Infinity) <= scale.top * (maybe(real.losses[0]) || 1)));
  return (
    <>
      <Frame scale={scale} axis={card.axis} label="The loss, drawn by you" draw={off ? null : draw}>
        {real && <path class="curve c0" d={line(scale, real)} />}
        <path class="guess" d={path.join("")} />
        {points.map((share, i) => {
          const at = { cx: scale.x(iteration(i)), cy: scale.y(share) };
          if (i === 0) return <circle key={i} class="fixed" {...at} r={5} />;
          const words = `${shown(share, 2)} times the first loss`;
          return (
            <g
              key={i} role="slider" tabindex={off ? -1 : 0} class="point"
              aria-label={`Loss in ${card.axis ?? "iteration"} ${iteration(i)}`} aria-valuemin={0}
              aria-valuemax={scale.top} aria-valuenow={share} aria-valuetext={words}
              aria-disabled={off} onKeyDown={press(i)}
            >
              <circle class="grip" {...at} r={14} />
              <circle class="dot" {...at} r={5} />
            </g>
          );
        })}
      </Frame>
      <p class="quiet">
        {real
          ? `Dashed: yours. Full line: the real run, which ends at ${shown(ends, 2)} times its first loss.${over ? " What is higher than the drawing runs along its edge." : ""}`
          : "Draw with the pointer, or go to a point with Tab and move it with ↑ and ↓. 1 × is the first loss."}
      </p>
    </>
  );
}

function sibling(point: Element, way: number): SVGElement | null {
  const found = way > 0 ? point.nextElementSibling : point.previousElementSibling;
  return found?.matches(".point") ? (found as SVGElement) : null;
}
