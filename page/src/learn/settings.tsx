import { useState } from "preact/hooks";
import type { Session } from "../session";
import type { Setting, Values } from "./types";

// What the script is started with. A change begins it anew, with the same seed.
export function Settings({ session }: { session: Session }) {
  const { lesson } = session.record.learner;
  if (!lesson || lesson.settings.length === 0) return null;
  const set = (values: Values) => session.learn("settings", values);
  const off = !session.reachable || lesson.answering !== null;
  const seed = lesson.settings.find((one) => one.name === "seed");
  const answer = session.answer("learn-settings");
  return (
    <section class="panel settings" aria-labelledby="settings-title">
      <div class="title">
        <h2 id="settings-title">Settings</h2>
        <span class="quiet">a change begins anew</span>
        {seed?.range && (
          <button type="button" disabled={off} onClick={() => set({ seed: another(seed, lesson.values) })}>
            New seed
          </button>
        )}
      </div>
      {lesson.settings.map((one) => (
        <div class="knob" key={`${lesson.number}/${one.name}`}>
          <label for={`setting-${one.name}`}>{one.label}</label>
          <div class="inputs">
            <Control setting={one} value={lesson.values[one.name]!} off={off} set={set} />
          </div>
        </div>
      ))}
      {answer.bad && <p class="answer bad">{answer.text}</p>}
    </section>
  );
}

function another({ range }: Setting, values: Values): number {
  const [low, high] = range!;
  const drawn = low + Math.floor(Math.random() * (high - low + 1));
  return drawn === values.seed ? (drawn < high ? drawn + 1 : low) : drawn;
}

interface Given {
  setting: Setting;
  value: number | string;
  off: boolean;
  set: (values: Values) => void;
}

function Control({ setting, value, off, set }: Given) {
  const id = `setting-${setting.name}`;
  if (!setting.choices) return <Number_ setting={setting} value={value} off={off} set={set} />;
  return (
    <select id={id} disabled={off} value={value} onChange={(event) => set({ [setting.name]: event.currentTarget.value })}>
      {Object.entries(setting.choices).map(([name, words]) => (
        <option key={name} value={name}>{words}</option>
      ))}
    </select>
  );
}

function Number_({ setting, value, off, set }: Given) {
  const [held, hold] = useState<string | null>(null);
  const { name, label, log, whole } = setting;
  const [low, high] = setting.range!;
  const done = (text: string) => {
    hold(null);
    if (text !== "" && Number.isFinite(Number(text)) && Number(text) !== value) set({ [name]: Number(text) });
  };
  const [to, from] = log ? [Math.log10, (one: number) => 10 ** one] : [(one: number) => one, (one: number) => one];
  const tidy = (one: number) => {
    const rounded = whole ? Math.round(from(one)) : Number(from(one).toPrecision(2));
    return String(Math.min(Math.max(rounded, low), high));
  };
  const shown = held ?? String(value);
  return (
    <>
      {name !== "seed" && (
        <input
          type="range" aria-label={`${label}, slider`} disabled={off} min={to(low)} max={to(high)}
          step={whole && !log ? 1 : (to(high) - to(low)) / 100} value={to(Number(shown) || low)}
          aria-valuetext={shown}
          onInput={(event) => hold(tidy(event.currentTarget.valueAsNumber))}
          onChange={(event) => done(tidy(event.currentTarget.valueAsNumber))}
        />
      )}
      <input
        id={`setting-${name}`} type="number" min={low} max={high} step={whole ? 1 : "any"}
        disabled={off} value={shown} onInput={(event) => hold(event.currentTarget.value)}
        onChange={(event) => done(event.currentTarget.value)} onBlur={() => hold(null)}
      />
    </>
  );
}
