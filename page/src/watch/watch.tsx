// The live view of trainings: one as it runs, or several beside each other.
import { useMemo, useState } from "preact/hooks";
import { shown } from "../numbers";
import type { Finding } from "../protocol";
import type { Session } from "../session";
import { Voice } from "../voice";
import { Chart, type Mark } from "./chart";
import { condition, Differences, Legend, Results, Settings, standings } from "./compare";
import type { Film } from "./film";
import { Heat } from "./heat";
import { charts, type View } from "./spec";

const LEAST = 10; // iterations across a chart

export function WatchApp({ session, version }: { session: Session; version: number }) {
  const { films } = session;
  const several = films.runs.length > 1;
  const [log, setLog] = useState(false);
  const [zoom, setZoom] = useState<View | null>(null); // null: it follows the run
  const [lit, setLit] = useState<number | null>(null);
  const runs = films.shown;
  const first = films.runs[0];
  if (!first) return <Waiting session={session} />;
  const look = (place: number | null) => {
    films.chosen = place;
    setZoom(null);
    setLit(null);
    session.changed();
  };
  const whole = extent(runs.map(({ film }) => film));
  const view = zoom ?? whole;
  const marks = useMemo(() => marked(runs.map(({ film }) => film), several, lit), [version, lit]);
  const alone = runs.length === 1 ? runs[0]!.film : null; // of several, the one that is ticked
  const specs = charts(runs, alone === null);
  const [what, todo] = several ? together(films.runs) : sentence(first);
  const by = (share: number) => () => setZoom(zoomed(view, whole, share));
  return (
    <section class="root watch" tabIndex={-1} aria-label={`fivestep ${first.name}`}>
      <div class="page">
        <header class="head">
          <h1>
            <span class="brand">fivestep</span>{" "}
            <span class="script">{several ? `${films.runs.length} runs` : first.script || first.name}</span>
          </h1>
          {!several && <State film={first} />}
        </header>
        <Banners session={session} several={several} />
        <Later session={session} look={look} />
        <div class="top">
          <p class="sentence">
            {what} {todo && <strong>{todo}</strong>}
          </p>
          {!several && <Bar film={first} />}
          {several && <Legend session={session} />}
          <div class="controls" role="toolbar" aria-label="All charts">
            <button type="button" aria-pressed={log} onClick={() => setLog(!log)}>Log scale</button>
            <button type="button" aria-label="Zoom in" onClick={by(0.5)}>+</button>
            <button type="button" aria-label="Zoom out" onClick={by(2)}>−</button>
            {zoom && (
              <>
                <button type="button" aria-label="Earlier" onClick={() => setZoom(moved(view, whole, -0.5))}>←</button>
                <button type="button" aria-label="Later" onClick={() => setZoom(moved(view, whole, 0.5))}>→</button>
                <button type="button" class="strong" onClick={() => setZoom(null)}>Follow</button>
              </>
            )}
            <span class="gap" />
            {session.host.saves && (
              <a
                class="button" download="run.html"
                href={session.host.saves + (films.places && `?of=${films.places}`)}
              >
                Save as one file
              </a>
            )}
          </div>
        </div>
        {specs.length === 0 && (
          <p class="panel quiet">The charts come with the first iteration.</p>
        )}
        {!several && first.findings.length > 0 && <Found film={first} light={setLit} lit={lit} />}
        <div class="charts">
          {specs.map((spec) => (
            <Chart
              key={spec.id} spec={spec} view={view} marks={marks} version={version}
              log={log && spec.id !== "throughput"} zoom={setZoom}
            />
          ))}
          {alone && <Heat key={alone.name} film={alone} view={view} version={version} />}
          {runs.length > 1 && (
            <p class="panel quiet">Time by step and layers are shown for one run alone: leave one ticked above.</p>
          )}
        </div>
        <div class="tables">
          <Results films={runs} several={several} />
          {several ? <Differences films={runs} /> : <Settings film={first} />}
        </div>
        <Voice text={(several ? what : spoken(first)) + (films.newest === null ? "" : ". A later run has begun")} />
      </div>
    </section>
  );
}

// A directory without a run.
function Waiting({ session }: { session: Session }) {
  const words = `No run has begun in ${session.films.waiting} yet. It is shown here as soon as one does.`;
  return (
    <section class="root watch" tabIndex={-1} aria-label="fivestep">
      <div class="page">
        <header class="head">
          <h1><span class="brand">fivestep</span></h1>
          <p class="where"><span class="tag">waiting</span></p>
        </header>
        {!session.record.up && <Gone />}
        <p class="sentence">{words}</p>
        <p class="quiet">
          For example <code>fit(…, record="{session.films.waiting}", page=True)</code>, or with <code>record=</code> alone.
        </p>
        <Voice text={words} />
      </div>
    </section>
  );
}

// A run that began while another was watched: said, and shown when it is asked for.
function Later({ session, look }: { session: Session; look: (place: number | null) => void }) {
  const { films } = session;
  const { newest, chosen } = films;
  if (newest === null && chosen === null) return null;
  return (
    <p class="banner later">
      {newest !== null && (
        <>
          <span>A later run has begun: {films.all[newest]!.name}.</span>{" "}
          <button type="button" onClick={() => look(newest)}>Show it</button>{" "}
        </>
      )}
      {chosen !== null && (
        <button type="button" onClick={() => look(null)}>Back to what was watched before</button>
      )}
    </p>
  );
}

function extent(films: Film[]): View {
  const firsts = films.map((film) => film.iterations[0] ?? film.entries[0]?.iteration ?? 1);
  const min = Math.min(...firsts, Infinity);
  const from = Number.isFinite(min) ? Math.min(min, 1) : 1;
  return { min: from, max: Math.max(from + LEAST, ...films.map((film) => film.iteration)) };
}

function zoomed(view: View, whole: View, share: number): View | null {
  const half = Math.max((share * (view.max - view.min)) / 2, LEAST / 2);
  const middle = share < 1 ? view.max - half : (view.min + view.max) / 2; // in: toward the newest
  const found = { min: Math.max(whole.min, middle - half), max: Math.min(whole.max, middle + half) };
  return found.min <= whole.min && found.max >= whole.max ? null : found;
}

function moved({ min, max }: View, whole: View, share: number): View {
  const by = share * (max - min);
  const room = by < 0 ? Math.max(by, whole.min - min) : Math.min(by, whole.max - max);
  return { min: min + room, max: max + room };
}

function marked(films: Film[], several: boolean, lit: number | null): Mark[] {
  const found: Mark[] = [];
  for (const film of films) {
    for (const at of several ? film.broken.slice(0, 1) : film.broken.slice(0, 40)) {
      found.push({ x: at, text: found.length === 0 ? "not finite" : "", ink: "red" });
    }
    if (!several) film.findings.forEach((one, i) => found.push({ x: one.iteration, text: String(i + 1), ink: "orange" }));
    if (!several) film.resumed.forEach((at) => found.push({ x: at, text: "resumed", ink: "quiet" }));
    if (film.silence?.dead) found.push({ x: film.silence.iteration, text: "stopped", ink: "red" });
  }
  if (lit !== null) found.push({ x: lit, text: "", ink: "orange", lit: true });
  return found;
}

function State({ film }: { film: Film }) {
  const total = film.total;
  const state = condition(film);
  return (
    <p class="where">
      <span class={`tag ${state === "running" ? "running" : film.silence ? "replay" : ""}`}>{state}</span>{" "}
      <span>
        iteration <b>{film.iteration.toLocaleString("en")}</b>
        {total !== null && ` of ${total.toLocaleString("en")}`}
        {film.epoch > 0 && ` · epoch ${film.epoch}`}
      </span>{" "}
      <span class="quiet">{film.script && film.name}</span>
    </p>
  );
}

function Bar({ film }: { film: Film }) {
  const total = film.total;
  if (total === null || film.end || film.silence?.dead) return null;
  const share = Math.min(1, film.iteration / total);
  return (
    <div
      class="progress" role="progressbar" aria-label="Iterations done"
      aria-valuemin={0} aria-valuemax={total} aria-valuenow={Math.min(film.iteration, total)}
    >
      <span style={{ width: `${100 * share}%` }} />
    </div>
  );
}

function sentence(film: Film): [string, string] {
  const at = film.iteration.toLocaleString("en");
  const best = standings(film).find((one) => one.name === "validation_loss")?.best;
  const words = best ? ` Best validation loss ${shown(best.value)} in iteration ${best.iteration.toLocaleString("en")}.` : "";
  if (film.end) return [`${ENDS[film.end.reason] ?? "It has ended"} after ${at} iterations.${words}`, ""];
  if (film.silence?.dead) return [`It stopped without a word at iteration ${at}: its process is gone.${words}`, ""];
  if (film.silence) return [`Nothing was heard since iteration ${at}.${words}`, ""];
  if (film.iteration === 0) return ["The training is on its way to its first iteration.", ""];
  const loss = film.losses[film.losses.length - 1] ?? null;
  return [`Iteration ${at} is done; the loss is ${shown(loss)}.${words}`, "Drag over a chart to look closer."];
}

const ENDS: { [reason: string]: string } = {
  finished: "It has finished", patience: "It ran out of patience", nonfinite: "It stopped at a number that is not finite",
  interrupted: "It was interrupted", failed: "It has failed",
};

function spoken(film: Film): string {
  const faults = film.findings.length;
  return `${condition(film)}${faults ? `, ${faults} findings` : ""}`;
}

function together(films: Film[]): [string, string] {
  const running = films.filter((film) => condition(film) === "running").length;
  const words = running ? `${running} of them running` : "none of them running";
  return [`${films.length} runs beside each other, ${words}.`, "The tables below say what differs."];
}

function Gone() {
  return (
    <p class="banner bad">
      <b>Nobody answers.</b> What you see is the last that was heard. A training itself goes on
      without its page; the page asks again by itself, and <code>fivestep watch</code> opens a new one.
    </p>
  );
}

function Banners({ session, several }: { session: Session; several: boolean }) {
  const { up } = session.record;
  const { end, silence } = session.films.runs[0]!;
  return (
    <div class="banners">
      {!up && <Gone />}
      {session.films.notes.map((text) => <p class="banner past" key={text}>{text}</p>)}
      {!several && end?.message && end.reason !== "finished" && (
        <p class={`banner ${end.reason === "failed" || end.reason === "nonfinite" ? "bad" : ""}`}>{end.message}</p>
      )}
      {!several && silence?.dead && (
        <p class="banner bad">
          <b>Stopped without a word at iteration {silence.iteration.toLocaleString("en")}.</b> The process that
          trained is gone and has not said why: killed, or out of memory. All that it had written is shown.
        </p>
      )}
      {!several && silence && !silence.dead && (
        <p class="banner past">
          <b>Nothing heard for {(silence.seconds ?? 0).toLocaleString("en")} s.</b> Whether the training still runs
          cannot be seen from this machine.
        </p>
      )}
    </div>
  );
}

function Found({ film, light, lit }: { film: Film; light: (at: number | null) => void; lit: number | null }) {
  const { findings } = film;
  return (
    <section class="panel findings" aria-labelledby="findings-title">
      <h2 id="findings-title" tabIndex={-1}>
        The doctor found {findings.length === 1 ? "a fault" : `${findings.length} faults`}
      </h2>
      {findings.map((one, i) => <One key={i} finding={one} number={i + 1} light={light} lit={lit} />)}
    </section>
  );
}

function One({ finding, number, light, lit }: {
  finding: Finding;
  number: number;
  light: (at: number | null) => void;
  lit: number | null;
}) {
  const on = lit === finding.iteration;
  return (
    <article class={`finding ${finding.severity}`} aria-label={`${number}: ${finding.rule}`}>
      <p class="rule">
        <span class="fault" aria-hidden="true">{number}</span>
        <b>{finding.rule}</b> <span class="tag">{finding.severity}</span>
        <span class="quiet"> {finding.code}{finding.file && ` · ${finding.file}, line ${finding.line}`}</span>
      </p>
      <p><Words text={finding.message} /></p>
      <p class="quiet"><Words text={finding.cause} /></p>
      <p class="fix"><b>Do:</b> <Words text={finding.fix} /></p>
      <p class="points">
        <button type="button" aria-pressed={on} onClick={() => light(on ? null : finding.iteration)}>
          Show iteration {finding.iteration.toLocaleString("en")} on the curves
        </button>
        <code class="quiet">{finding.explain}</code>
      </p>
    </article>
  );
}

// A sentence with what stands between backticks as code.
function Words({ text }: { text: string }) {
  return <>{text.split("`").map((one, i) => (i % 2 ? <code key={i}>{one}</code> : one))}</>;
}
