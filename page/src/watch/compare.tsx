// Several runs beside each other: which to show, last and best, and what is not the same.
import { shown } from "../numbers";
import type { Session } from "../session";
import { Swatch } from "./chart";
import type { Entry, Film, Plain } from "./film";
import { dashOf, inkOf, titled } from "./spec";

// The runs by line and name; each can be switched off.
export function Legend({ session }: { session: Session }) {
  const { films } = session;
  return (
    <fieldset class="runs">
      <legend class="unseen">Runs that are shown</legend>
      {films.runs.map((film, place) => (
        <label key={place}>
          <input
            type="checkbox" checked={!films.hidden.has(place)}
            onChange={() => {
              if (!films.hidden.delete(place)) films.hidden.add(place);
              session.changed();
            }}
          />
          <Swatch line={{ ink: inkOf(place), dash: dashOf(place) }} />
          <span>{film.name}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function condition(film: Film): string {
  if (film.end) return film.end.reason;
  if (film.silence) return film.silence.dead ? "stopped without a word" : "silent";
  return "running";
}

export interface Standing {
  name: string;
  last: { value: number | null; iteration: number } | null;
  best: { value: number | null; iteration: number } | null; // null where no side is known to be better
}

// Last and best of each value: of losses the lowest, of the monitored one as the run was told.
export function standings(film: Film): Standing[] {
  const options = (film.setup.options ?? {}) as Plain;
  const monitor = String(options.monitor ?? "");
  const names = ["loss", ...film.validations];
  return names.flatMap((name) => {
    const there = film.entries.filter((one) => name in one.values && (name !== "loss" || one.when === "epoch"));
    const last = there[there.length - 1];
    if (!last) return [];
    const known = name === monitor || name === "loss" || name.includes("loss");
    const most = name === monitor && options.mode === "max";
    let best = known ? there.reduce((a, b) => (better(b, a, name, most) ? b : a)) : null;
    const told = film.end?.best;
    if (name === monitor && told && name in told.values) best = told;
    const at = (one: Entry) => ({ value: one.values[name] ?? null, iteration: one.iteration });
    return [{ name, last: at(last), best: best ? at(best) : null }];
  });
}

function better(one: Entry, other: Entry, name: string, most: boolean): boolean {
  const [a, b] = [one.values[name] ?? NaN, other.values[name] ?? NaN];
  return Number.isNaN(b) ? !Number.isNaN(a) : most ? a > b : a < b;
}

export function Results({ films, several }: { films: { film: Film; place: number }[]; several: boolean }) {
  const names = [...new Set(films.flatMap(({ film }) => standings(film).map((one) => one.name)))];
  if (names.length === 0) return null;
  return (
    <section class="panel results" aria-labelledby="results-title">
      <div class="title">
        <h2 id="results-title">Last and best</h2>
        <span class="quiet">of what was monitored, with its iteration</span>
      </div>
      <div class="scrolls" tabIndex={0} role="group" aria-label="Last and best, a table" data-scrolls>
        <table class="numbers">
          <thead>
            <tr>
              {several && <th scope="col">run</th>}
              <th scope="col">state</th>
              {names.flatMap((name) => [
                <th scope="col" key={name}>{name === "loss" ? "Loss, mean of the epoch" : titled(name)}, last</th>,
                <th scope="col" key={`${name} best`}>best</th>,
              ])}
            </tr>
          </thead>
          <tbody>
            {films.map(({ film, place }) => {
              const found = new Map(standings(film).map((one) => [one.name, one]));
              return (
                <tr key={place}>
                  {several && (
                    <th scope="row"><Swatch line={{ ink: inkOf(place), dash: dashOf(place) }} /> {film.name}</th>
                  )}
                  <td>{condition(film)}</td>
                  {names.flatMap((name) => [
                    <td key={name}>{told(found.get(name)?.last)}</td>,
                    <td key={`${name} best`}>{told(found.get(name)?.best)}</td>,
                  ])}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function told(one: { value: number | null; iteration: number } | null | undefined): string {
  return one ? `${shown(one.value)} at ${one.iteration.toLocaleString("en")}` : "–";
}

export function flat(film: Film): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (name: string, value: unknown) => {
    const many = Array.isArray(value) && typeof value[0] === "object";
    if (value !== null && typeof value === "object" && (many || !Array.isArray(value))) {
      for (const [key, one] of Object.entries(value)) walk(name ? `${name}.${key}` : key, one);
    } else found.set(name, value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value));
  };
  const { loop: _, ...setup } = film.setup;
  walk("", { ...setup, seed: film.seed });
  return found;
}

const CALLED: { [name: string]: string } = {
  lr: "learning rate", initial_lr: "learning rate at the start", options: "", versions: "",
};

// `optimizer_options.1.weight_decay` as words: "weight decay, group 2".
export function called(name: string): string {
  const [, group, last] = /^optimizer_options\.(\d+)\.(.+)$/.exec(name) ?? [];
  const parts = (last ?? name).split(".").map((one) => CALLED[one] ?? one.replaceAll("_", " "));
  const version = name.startsWith("versions.") ? "version of " : "";
  return version + parts.filter(Boolean).join(", ") + (Number(group ?? 0) > 0 ? `, group ${Number(group) + 1}` : "");
}

export function Differences({ films }: { films: { film: Film; place: number }[] }) {
  const all = films.map(({ film }) => flat(film));
  const names = [...new Set(all.flatMap((one) => [...one.keys()]))];
  const differ = names.filter((name) => new Set(all.map((one) => one.get(name))).size > 1);
  return (
    <section class="panel differences" aria-labelledby="differences-title">
      <div class="title">
        <h2 id="differences-title">What differs</h2>
        <span class="quiet">settings and versions; all others are the same</span>
      </div>
      {differ.length === 0 && <p class="quiet">Nothing: these runs had the same settings and versions.</p>}
      {differ.length > 0 && (
        <div class="scrolls" tabIndex={0} role="group" aria-label="What differs, a table" data-scrolls>
          <table class="numbers">
            <thead>
              <tr>
                <th scope="col">setting</th>
                {films.map(({ film, place }) => <th scope="col" key={place}>{film.name}</th>)}
              </tr>
            </thead>
            <tbody>
              {differ.map((name) => (
                <tr key={name}>
                  <th scope="row">{called(name)}</th>
                  {all.map((one, i) => <td key={i}>{one.get(name) ?? "–"}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

export function Settings({ film }: { film: Film }) {
  const all = [...flat(film)].filter(([, value]) => value !== "–");
  if (all.length === 0) return null;
  return (
    <section class="panel settings" aria-labelledby="settings-title">
      <h2 id="settings-title">Settings</h2>
      <details>
        <summary>All that this run was given, and its versions</summary>
        <div class="scrolls" tabIndex={0} role="group" aria-label="Settings, a table" data-scrolls>
          <table class="numbers">
            <tbody>
              {all.map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{called(name)}</th>
                  <td>{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}
