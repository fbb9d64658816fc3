import { useMemo } from "preact/hooks";
import { Banner } from "./banner";
import { Chips } from "./chips";
import { Controls } from "./controls";
import { Equation } from "./equation";
import { Findings } from "./findings";
import { Help } from "./help";
import { press } from "./keys";
import { Knobs } from "./knobs";
import { Layers } from "./layers";
import { Learnt } from "./learnt";
import { LessonPane } from "./learn/lesson";
import { Epochs } from "./learn/epochs";
import { OwnData } from "./learn/points";
import { spoken } from "./learn/predict";
import { Settings } from "./learn/settings";
import { Loss } from "./loss";
import { Output } from "./output";
import type { Session } from "./session";
import { SourcePane } from "./source";
import { Voice } from "./voice";
import { sentence } from "./words";

// `version` grows with every drawing: the session is one object that changes in place.
export function App({ session, version }: { session: Session; version: number }) {
  const { record } = session;
  const [what, todo] = sentence(session);
  const hear = useMemo(() => (event: KeyboardEvent) => press(session, event), [session]);
  const script = record.hello?.script ?? "";
  return (
    <section class="root" tabIndex={-1} onKeyDown={hear} aria-label={`fivestep ${script}`}>
      <div class="page">
        <header class="head">
          <h1>
            <span class="brand">fivestep</span> <span class="script">{script}</span>
          </h1>
          <Where session={session} />
        </header>
        <Banner session={session} />
        <LessonPane session={session} />
        <div class="top">
          <p class="sentence">
            {what} {todo && <strong>{todo}</strong>}
          </p>
          <Controls session={session} />
          {session.help && <Help session={session} />}
        </div>
        <Chips session={session} />
        <div class="grid">
          <div class="code">
            <SourcePane session={session} />
            <Learnt session={session} version={version} />
            <Output session={session} />
          </div>
          <div class="numbers-side">
            <Epochs session={session} />
            <Equation session={session} />
            <Loss session={session} version={version} />
            <Layers session={session} version={version} />
          </div>
          <div class="hands">
            <Settings session={session} />
            <OwnData session={session} />
            <Findings session={session} />
            <Knobs session={session} />
          </div>
        </div>
        <Voice text={session.told || (spoken(session) ?? `${what} ${todo}`)} />
      </div>
    </section>
  );
}

// Paused after it had run in silence: only the producer's word says at which step.
function stands(session: Session): string {
  const { state } = session.record;
  return session.paused && state?.step ? ` · ${state.step}` : "";
}

function Where({ session }: { session: Session }) {
  const { record, fresh, iteration } = session;
  const faults = record.findings.length;
  const how = record.end
    ? "ended"
    : record.hello === null
      ? "waiting"
      : record.state === null && record.hello.mode === "live"
        ? "starting"
      : session.paused
        ? "paused"
        : "running";
  const marked = session.past || record.hello?.mode === "replay";
  return (
    <p class="where">
      {marked && <span class="tag replay">replay</span>}{" "}
      <span class={`tag ${how}`}>{how}</span>{" "}
      <span>
        iteration <b>{iteration}</b>
        {fresh ? <> · {fresh.step}</> : stands(session)}
      </span>{" "}
      {faults > 0 && (
        <button
          type="button" class="faults"
          onClick={(event) => {
            const root = event.currentTarget.closest(".root");
            root?.querySelector<HTMLElement>("#findings-title")?.focus();
          }}
        >
          {faults === 1 ? "1 fault found" : `${faults} faults found`}
        </button>
      )}
    </p>
  );
}
