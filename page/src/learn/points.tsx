import { useState } from "preact/hooks";
import type { Session } from "../session";
import { parse, type Pair } from "./csv";

const [WIDE, HIGH, EDGE] = [320, 190, 14];
const LONG = 1_000_000; // bytes of a file that are read: far more than 200 points

// A learner's own data: set with the pointer, typed, or read from a CSV, which stays in the browser
// but for its numbers.
export function OwnData({ session }: { session: Session }) {
  const { lesson } = session.record.learner;
  const [text, write] = useState("");
  const [trouble, complain] = useState("");
  if (!lesson?.own_data) return null;
  const { points } = parse(text);
  const off = !session.reachable || lesson.answering !== null;
  const refused = session.answer("learn-points");
  const use = () => {
    const trouble = amiss(text);
    complain(trouble);
    if (!trouble) session.learn("points", parse(text).points);
  };
  const load = (file: File | undefined) => {
    void file?.slice(0, LONG).text().then((read) => {
      write(read);
      complain(amiss(read));
    });
  };
  return (
    <section class="panel own" aria-labelledby="own-title">
      <div class="title">
        <h2 id="own-title">Your own data</h2>
        <span class="quiet">{lesson.points ? `in use: ${lesson.points.length} points` : "not in use"}</span>
      </div>
      <Plane points={points} add={(pair) => write(`${text.trimEnd()}\n${pair.join(", ")}`.trimStart())} />
      <label for="own-points">Points: x, y in each line; or press into the field above</label>
      <textarea
        id="own-points" rows={4} value={text} spellcheck={false} aria-describedby="own-trouble"
        onInput={(event) => write(event.currentTarget.value)}
      />
      <p id="own-trouble" class="answer bad">{trouble || (refused.bad ? refused.text : "")}</p>
      <div class="turning">
        <button type="button" class={session.record.learner.wanted(session.record) === "points" ? "strong" : ""} disabled={off} onClick={use}>Use these points</button>
        <button type="button" disabled={off || lesson.points === null} onClick={() => session.learn("points", null)}>
          The lesson's data again
        </button>
        <label class="csv">
          A CSV file{" "}
          <input type="file" accept=".csv,.txt,text/csv,text/plain" onChange={(event) => load(event.currentTarget.files?.[0])} />
        </label>
      </div>
    </section>
  );
}

function amiss(text: string): string {
  const { points, wrong } = parse(text);
  return wrong || (points.length < 2 ? "At least two points are needed." : "");
}

function Plane({ points, add }: { points: Pair[]; add: (pair: Pair) => void }) {
  const [left, right] = range(points.map(([x]) => x), [0, 1]);
  const [low, high] = range(points.map(([, y]) => y), [0, 2]);
  const x = (one: number) => EDGE + ((one - left) / (right - left)) * (WIDE - 2 * EDGE);
  const y = (one: number) => HIGH - EDGE - ((one - low) / (high - low)) * (HIGH - 2 * EDGE);
  const press = (event: MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const [px, py] = [((event.clientX - box.left) / box.width) * WIDE, ((event.clientY - box.top) / box.height) * HIGH];
    const share = [(px - EDGE) / (WIDE - 2 * EDGE), (HIGH - EDGE - py) / (HIGH - 2 * EDGE)];
    add([tidy(left + share[0]! * (right - left)), tidy(low + share[1]! * (high - low))]);
  };
  const said = `${points.length} points; x from ${tidy(left)} to ${tidy(right)}, y from ${tidy(low)} to ${tidy(high)}`;
  return (
    <svg class="plane pad" viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={said} onClick={press}>
      <rect class="plane-edge" x={1} y={1} width={WIDE - 2} height={HIGH - 2} rx={6} />
      <text x={6} y={HIGH - 4}>{`${tidy(left)}, ${tidy(low)}`}</text>
      <text x={WIDE - 6} y={14} text-anchor="end">{`${tidy(right)}, ${tidy(high)}`}</text>
      {points.map(([px, py], i) => (
        <path key={i} class="plane-point" d={`M${x(px) - 4} ${y(py)}h8m-4 -4v8`} />
      ))}
    </svg>
  );
}

function range(values: number[], usual: [number, number]): [number, number] {
  const low = Math.min(usual[0], ...values);
  const high = Math.max(usual[1], ...values);
  return [low, high];
}

function tidy(value: number): number {
  return Number(value.toPrecision(3));
}
