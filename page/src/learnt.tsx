// What a small model has learnt: its data with its line or areas, and the loss as a landscape.
import { Mark } from "./markers";
import { shown } from "./numbers";
import { Picture } from "./picture";
import type { View } from "./pictures";
import type { Session } from "./session";
import { drawData } from "./learnt-data";
import { drawSurface } from "./learnt-surface";
import { lost } from "./words";
import { dataRows, dataWords, pathRows, surfaceWords } from "./learnt-words";

export function Learnt({ session, version }: { session: Session; version: number }) {
  const view = session.record.pictures.before(limit(session));
  if (!view) return <Coming session={session} />;
  const { data, fitted, surface } = view;
  return (
    <section class="panel learnt" aria-labelledby="learnt-title">
      <div class="title">
        <h2 id="learnt-title">What is learnt</h2>
        <span class="quiet">{fitted ? when(fitted.iteration) : ""}</span>
      </div>
      <div class="pair">
        <div>
          <h3>{fitted ? "Data and model" : "Data"}</h3>
          <Picture
            version={version} words={dataWords(view)}
            draw={(canvas) => drawData(canvas, view)}
          />
          <Legend view={view} />
          {data.words && <p class="quiet">No line: {data.words}.</p>}
          <Table view={view} />
        </div>
        {surface && (
          <div>
            <h3 id="surface-title">Loss surface{surface.slice && " (a slice)"}</h3>
            {surface.loss ? (
              <>
                <Picture
                  version={version} words={surfaceWords(view)}
                  draw={(canvas) => drawSurface(canvas, view)}
                />
                <Key view={view} />
                <p class="quiet">{surface.words}</p>
                {session.record.lost && <p class="quiet">{lost(session.record)} The surface stays as it was.</p>}
                <Path view={view} />
              </>
            ) : (
              <p class="quiet">{surface.words}</p>
            )}
          </div>
        )}
      </div>
    </section>
  );
}

// Before the first iteration nobody knows what the model takes: say what may come.
function Coming({ session }: { session: Session }) {
  const { record, host } = session;
  if (record.iterations.length > 0 || record.end || record.moments.some((one) => one.step === "loss")) return null;
  if (host.mode !== "live" || record.hello === null) return null;
  return (
    <section class="panel learnt" aria-labelledby="learnt-title">
      <div class="title">
        <h2 id="learnt-title">What is learnt</h2>
      </div>
      <p class="quiet">
        With the first loss: the data and what the model, still untrained, makes of them. For models of one or two
        features.
      </p>
    </section>
  );
}

function when(iteration: number): string {
  return iteration === 0 ? "before the first update" : `after iteration ${iteration}`;
}

// What had been told when the loop stood where one looks: all before the moment that came next.
function limit(session: Session): number {
  if (!session.past) return Infinity;
  return session.record.moments[session.place + 1]?.seq ?? Infinity;
}

function Legend({ view: { data, first, fitted } }: { view: View }) {
  const line = data.shape === "line";
  return (
    <ul class="legend" aria-hidden="true">
      {data.shape === "classes" ? (
        data.classes.map((one, i) => (
          <li key={one}>
            <Mark place={i} /> class {one}
          </li>
        ))
      ) : (
        <li>
          <Mark place={0} /> {line ? "data" : "data, filled with their target"}
        </li>
      )}
      {line && fitted && <li><Stroke /> {data.shows === "probability" ? "probability" : "model"}</li>}
      {line && first && fitted !== first && <li><Stroke dashed /> {when(first.iteration)}</li>}
      {data.shape === "classes" && fitted && <li><Stroke /> where the model decides otherwise</li>}
    </ul>
  );
}

function Stroke({ dashed }: { dashed?: boolean }) {
  return (
    <svg viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">
      <line
        x1="0" y1="4" x2="24" y2="4" stroke="currentColor" stroke-width={dashed ? 1.5 : 3}
        stroke-dasharray={dashed ? "4 3" : undefined}
      />
    </svg>
  );
}

function Key({ view }: { view: View }) {
  const since = view.surface?.since ?? 0;
  return (
    <ul class="legend" aria-hidden="true">
      <li><i class="dot start" /> {since ? `iteration ${since}` : "start"}</li>
      <li><i class="dot now" /> now</li>
      <li>
        <span class="ramp lows" /> low to high loss
      </li>
    </ul>
  );
}

function Table({ view }: { view: View }) {
  const rows = dataRows(view);
  return (
    <details>
      <summary>The picture in words and numbers</summary>
      <p>{dataWords(view)}</p>
      {rows.body.length > 0 && <Rows {...rows} />}
    </details>
  );
}

function Path({ view }: { view: View }) {
  return (
    <details>
      <summary>The path in words and numbers</summary>
      <p>{surfaceWords(view)}</p>
      <Rows {...pathRows(view)} />
    </details>
  );
}

function Rows({ head, body }: { head: string[]; body: (number | string | null)[][] }) {
  return (
    <table class="numbers">
      <thead>
        <tr>{head.map((one) => <th key={one} scope="col">{one}</th>)}</tr>
      </thead>
      <tbody>
        {body.map((row, i) => (
          <tr key={i}>
            {row.map((one, j) => <td key={j}>{typeof one === "string" ? one : shown(one)}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
