import { memo } from "./memo";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { shape } from "./numbers";
import type { Source, StepName, Value } from "./protocol";
import { guess, type Kind, pieces } from "./python";
import type { Session } from "./session";

// The user's own file: the line that just ran is lit, with the values of its names beside it.
export function SourcePane({ session }: { session: Session }) {
  const { record, fresh } = session;
  const sources = record.hello?.sources ?? [];
  const [chosen, choose] = useState<string | null>(null);
  const site = session.marked ?? fresh?.site ?? record.state?.site ?? null;
  useEffect(() => choose(null), [site?.file, session.marked]);
  const source = find(sources, chosen ?? site?.file) ?? sources[0];
  return (
    <section class="panel source" aria-labelledby="source-title">
      <div class="title">
        <h2 id="source-title">Your code</h2>
        {sources.length > 1 ? (
          <select
            aria-label="File" value={source?.file}
            onChange={(event) => choose(event.currentTarget.value)}
          >
            {sources.map((one) => (
              <option key={one.file}>{one.file}</option>
            ))}
          </select>
        ) : (
          <span class="quiet file">{source?.file}</span>
        )}
      </div>
      {source ? <Lines session={session} source={source} /> : <p class="quiet">{record.hello ? "No source was sent." : "The script is being started: its text comes with it."}</p>}
      <Inside session={session} sources={sources} />
    </section>
  );
}

// Where the user's line calls a library that runs the step: the lines there, lit in the same way.
function Inside({ session, sources }: { session: Session; sources: Source[] }) {
  const inside = session.fresh?.inside;
  const source = inside && find(sources, inside.file);
  const lines = useMemo(() => (source ? pieces(source.text) : []), [source?.text]);
  if (!inside || !source) return null;
  const from = Math.max(0, inside.line - 3);
  return (
    <div class="inside">
      <p class="quiet">
        inside <span class="file">{inside.file}</span>, where that line leads:
      </p>
      {lines.slice(from, inside.line + 2).map((line, i) => (
        <Row
          key={i} number={from + i + 1} line={line} lit={from + i + 1 === inside.line}
          marked={false} waits={false} steps={from + i + 1 === inside.line ? session.moment!.step : ""}
          ran finding={0} values={null}
        />
      ))}
    </div>
  );
}

function find(sources: Source[], file: string | null | undefined): Source | undefined {
  if (!file) return undefined;
  return (
    sources.find((one) => one.file === file) ??
    sources.find((one) => file.endsWith(`/${one.file}`) || one.file.endsWith(`/${file}`))
  );
}

function Lines({ session, source }: { session: Session; source: Source }) {
  const { record, moment, fresh } = session;
  const text = source.text.replace(/\n$/, "");
  const lines = useMemo(() => pieces(text), [text]);
  const guessed = useMemo(() => guess(text), [text]);
  const box = useRef<HTMLDivElement>(null);
  const here = (file: string | null | undefined) =>
    file !== null && file !== undefined && find([source], file) !== undefined;
  const lit = here(fresh?.site?.file) ? fresh!.site!.line : 0;
  const marked = session.marked && here(session.marked.file) ? session.marked.line : null;
  const waits = fresh === null && session.paused && here(record.state?.site?.file) ? record.state!.site!.line : 0;
  const first = waits || moment?.site?.line || [...guessed.keys()].sort((a, b) => a - b)[0];
  const target = marked ?? (lit || first || 0);
  const faults = new Map(record.findings.flatMap((one, i) => (here(one.file) && one.line ? [[one.line, i + 1]] : [])));

  useEffect(() => {
    see(box.current, target);
  }, [target, source, record.learner.key()]); // another card may have moved the panel
  // Another width breaks the lines elsewhere: the lit one is brought back into sight.
  const aim = useRef(target);
  aim.current = target;
  useEffect(() => {
    const size = new ResizeObserver(() => see(box.current, aim.current));
    size.observe(box.current!);
    return () => size.disconnect();
  }, []);

  return (
    <div class="lines" ref={box} tabIndex={0} role="region" aria-label={source.file} data-scrolls>
      {lines.map((line, i) => {
        const number = i + 1;
        const ran = seen(record.sites, source.file, number);
        return (
          <Row
            key={number} number={number} line={line} lit={number === lit} marked={number === marked}
            waits={number === waits}
            steps={number === lit ? fresh!.step : named(ran ?? guessed.get(number) ?? [])}
            ran={ran !== null}
            finding={faults.get(number) ?? 0}
            values={number === lit ? fresh!.values : null}
          />
        );
      })}
    </div>
  );
}

function named(steps: StepName[]): string {
  return steps.length === 5 ? "all five steps" : steps.join(" · ");
}

// A long line goes on below, two signs further in than it began.
function hang(line: [Kind, string][]): { paddingLeft: string; textIndent: string } | undefined {
  const first = line[0]?.[0] === "plain" ? line[0][1] : "";
  const far = first.length - first.trimStart().length + 2;
  return line.length ? { paddingLeft: `${far}ch`, textIndent: `-${far}ch` } : undefined;
}

function seen(sites: Map<string, StepName[]>, file: string, line: number): StepName[] | null {
  return sites.get(`${file}:${line}`) ?? null;
}

// Moves only the box, and only if the line is not well in sight already: the eye keeps its place. Of a box
// that reaches out of the window that part counts which is inside; the last lines come up there, too.
function see(box: HTMLElement | null, line: number): void {
  const row = box?.querySelector<HTMLElement>(`[data-line="${line}"]`);
  if (!box || !row) return;
  const { top, height } = box.getBoundingClientRect();
  const [from, to] = [Math.max(0, -top), Math.min(height, innerHeight - top)];
  const [begin, size] = to - from > row.offsetHeight ? [from, to - from] : [0, height];
  const place = row.offsetTop - box.scrollTop - begin; // the box is what it is counted from
  const spare = size - row.offsetHeight;
  const margin = Math.min(2 * row.offsetHeight, spare / 4);
  if (place >= margin && place <= spare - margin) return;
  box.style.paddingBottom = `${Math.max(8, height - begin - size)}px`;
  box.scrollTop = row.offsetTop - begin - Math.min(size, 2 * spare) / 3;
}

interface One {
  number: number;
  line: [Kind, string][];
  lit: boolean;
  marked: boolean;
  waits: boolean;
  steps: string;
  ran: boolean;
  finding: number;
  values: Value[] | null;
}

const Row = memo(function Row({ number, line, lit, marked, waits, steps, ran, finding, values }: One) {
  return (
    <div
      class={`row ${lit ? "lit" : ""} ${marked ? "marked" : ""} ${waits ? "waits" : ""}`} data-line={number}
      aria-current={lit ? "true" : undefined}
    >
      <span class="gutter">
        <span class="arrow" aria-hidden="true">{lit ? "▶" : waits ? "▷" : ""}</span>
        <span class="no">{number}</span>
      </span>
      <span class="rest">
        <code style={hang(line)}>
          {line.map(([kind, text], i) => (
            <span key={i} class={kind}>{text}</span>
          ))}
          {line.length === 0 && "\u200b"}
        </code>
        {values && values.length > 0 && (
          <span class="values">
            {values.map((one) => (
              <span key={one.name} class="value">
                <b>{one.name}</b> = {one.text}
                {shape(one.shape) && <i> {shape(one.shape)}</i>}
              </span>
            ))}
          </span>
        )}
      </span>
      {(finding > 0 || steps) && (
        <span class="tags">
          {finding > 0 && <span class="fault">{finding}</span>}
          {steps && <span class={`step ${ran ? "ran" : ""}`}>{steps}</span>}
        </span>
      )}
    </div>
  );
});
