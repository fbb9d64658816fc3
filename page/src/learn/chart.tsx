import { maybe, shown } from "../numbers";
import { Frame, line, Scale } from "./frame";
import type { Curve } from "./types";

// The curves of the runs that answered, over each other; told apart by dash and colour, and named.
// All are in one unit, the highest first loss, so that their heights can be compared.
export function Chart({ curves, axis = "iteration" }: { curves: Curve[]; axis?: string }) {
  const span = Math.max(...curves.map((one) => one.iterations.at(-1) ?? 1), 2);
  const unit = Math.max(...curves.map((one) => maybe(one.losses[0]) ?? 0)) || 1;
  const highest = Math.max(...curves.flatMap((one) => one.losses.map((loss) => maybe(loss) ?? 0))) / unit;
  const scale = new Scale(span, highest > 1.05 ? 2 : 1);
  const said = curves.map((one) => `${one.label || "the run"} ends at ${shown(maybe(one.losses.at(-1)))}`);
  return (
    <figure>
      <Frame scale={scale} axis={axis} label={`Loss against ${axis}, in first losses: ${said.join("; ")}`}>
        {curves.map((one, i) => (
          <path key={i} class={`curve c${i % 5}`} d={line(scale, one, unit)} />
        ))}
      </Frame>
      {curves.length > 1 && (
        <figcaption class="legend">
          {curves.map((one, i) => (
            <span key={i}>
              <svg viewBox="0 0 30 8" width="30" height="8" aria-hidden="true">
                <path class={`curve c${i % 5}`} d="M0 4H30" />
              </svg>{" "}
              {one.label}
            </span>
          ))}
        </figcaption>
      )}
    </figure>
  );
}
