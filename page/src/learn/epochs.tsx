import { maybe, shown } from "../numbers";
import type { Session } from "../session";
import { Frame, line, Scale } from "./frame";
import type { Curve } from "./types";

// What a script prints epoch by epoch, drawn: `epoch 3  training 0.41  validation 0.52`.
export function Epochs({ session }: { session: Session }) {
  const { lines, learner } = session.record;
  if (!learner.lesson) return null;
  const curves = printed(lines);
  if (curves.length < 2) return null;
  // The first few may be far above all others, and are not what is to be seen.
  const later = curves.flatMap((one) => one.losses.slice(Math.floor(one.losses.length / 10)));
  const highest = Math.max(...later.map((loss) => maybe(loss) ?? NaN).filter(Number.isFinite), 0);
  const scale = new Scale(Math.max(...curves.map((one) => one.iterations.at(-1)!), 2), 1.1 * highest || 1);
  const broken = curves.flatMap(({ label, iterations, losses }): [string, number][] => {
    const place = losses.findIndex((loss) => loss !== null && !Number.isFinite(maybe(loss)));
    return place < 0 ? [] : [[label, iterations[place]!]];
  });
  const said = curves.map((one) => `${one.label} ${shown(maybe(one.losses.at(-1)))}`);
  return (
    <section class="panel epochs" aria-labelledby="epochs-title">
      <div class="title">
        <h2 id="epochs-title">Epoch by epoch</h2>
        <span class="quiet">last: {said.join(", ")}</span>
      </div>
      <Frame scale={scale} axis="epoch" unit="" label={`What the script printed, against the epoch. Last: ${said.join(", ")}`}>
        {broken.map(([label, epoch]) => (
          <g key={label} class="broken">
            <line x1={scale.x(epoch)} x2={scale.x(epoch)} y1={scale.y(scale.top)} y2={scale.y(0)} />
            <text x={scale.x(epoch)} y={scale.y(scale.top) + 10} text-anchor="middle">✗</text>
          </g>
        ))}
        {curves.map((one, i) => (
          <path key={one.label} class={`curve c${i % 5}`} d={line(scale, one, 1)} />
        ))}
      </Frame>
      {broken.map(([label, epoch]) => (
        <p key={label} class="quiet">✗ {label}: not a number in epoch {epoch}.</p>
      ))}
      <p class="legend">
        {curves.map((one, i) => (
          <span key={one.label}>
            <svg viewBox="0 0 30 8" width="30" height="8" aria-hidden="true">
              <path class={`curve c${i % 5}`} d="M0 4H30" />
            </svg>{" "}
            {one.label}
          </span>
        ))}
      </p>
    </section>
  );
}

export function printed(lines: string[]): Curve[] {
  const curves = new Map<string, Curve>();
  for (const text of lines) {
    const [, epoch, rest] = /^epoch +(\d+) +(.*)$/.exec(text) ?? [];
    for (const [, label, loss] of (rest ?? "").matchAll(/([a-z]+) +(\S+)/g)) {
      const curve = curves.get(label!) ?? { label: label!, iterations: [], losses: [] };
      curve.iterations.push(Number(epoch));
      curve.losses.push(number(loss!));
      curves.set(label!, curve);
    }
  }
  return [...curves.values()].filter((one) => one.losses.length > 1);
}

// As Python prints it; null where it is no number at all.
function number(text: string): number | null {
  const words: { [word: string]: number } = { nan: NaN, inf: Infinity, "-inf": -Infinity };
  const value = words[text] ?? Number(text);
  return text in words || Number.isFinite(value) ? value : null;
}
