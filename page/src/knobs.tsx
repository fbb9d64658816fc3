import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Knob, KnobValue } from "./protocol";
import { AsPython } from "./changes";
import type { Session } from "./session";

const PLACES = [
  "as written", "before forward", "before loss", "before backward", "before update", "after update",
];
const MODES: [string, boolean | null][] = [["as written", null], ["eval", true], ["train", false]];

// What may be changed while the loop runs. A knob acts at the next step, and says when it did.
export function Knobs({ session }: { session: Session }) {
  const knobs = session.record.hello?.knobs ?? {};
  const given = (name: string) => knobs[name] !== undefined;
  if (Object.keys(knobs).length === 0) return null;
  const reasons = new Set(Object.values(knobs).map((one) => (one.works ? "" : (one.why ?? ""))));
  const common = reasons.size === 1 ? [...reasons][0]! : "";
  const all = { session, knobs, common };
  return (
    <section class="panel knobs" aria-labelledby="knobs-title">
      <div class="title">
        <h2 id="knobs-title">Change it while it runs</h2>
        <span class="quiet">{common ? "" : "acts at the next step"}</span>
      </div>
      {common && <p class="quiet">{common}</p>}
      {given("lr") && <Rate {...all} />}
      {given("momentum") && <Momentum {...all} />}
      {given("skip_zero_grad") && <Skip {...all} />}
      {given("zero_grad_at") && <Place {...all} />}
      {given("clip") && <Clip {...all} />}
      {given("eval_mode") && <Mode {...all} />}
      <AsPython session={session} />
    </section>
  );
}

interface All {
  session: Session;
  knobs: { [name: string]: Knob };
  common: string; // why none of them can act, if it is the same for all
}

interface Row extends All {
  name: string;
  label: string;
  children: (id: string, value: KnobValue, off: boolean) => ComponentChildren;
}

function Row({ session, knobs, common, name, label, children }: Row) {
  const knob = knobs[name]!;
  const answer = session.answer(name);
  const off = !knob.works || !session.reachable || session.ended;
  const id = `knob-${name}`;
  return (
    <div class="knob">
      <label for={id}>{label}</label>
      <div class="inputs">{children(id, session.value(name) ?? null, off)}</div>
      <p id={`${id}-answer`} class={`answer ${answer.bad ? "bad" : ""}`}>
        {knob.works ? answer.text : (knob.why !== common && (knob.why || "cannot act in this loop"))}
      </p>
    </div>
  );
}

interface Box {
  id: string;
  value: number | null;
  off: boolean;
  max?: number;
  step?: number;
  empty?: string; // shown for null, which then may be typed as nothing
  turn: (value: number | null) => void;
}

// What somebody is typing stays theirs while messages come in; it counts when it is done.
function NumberBox({ id, value, off, max, step, empty, turn }: Box) {
  const [draft, type] = useState<string | null>(null);
  const done = (text: string) => {
    type(null);
    if (text === "" && empty !== undefined) turn(null);
    else if (text !== "" && Number.isFinite(Number(text))) turn(Number(text));
  };
  return (
    <input
      id={id} type="number" min={0} max={max} step={step ?? "any"} disabled={off}
      placeholder={empty} value={draft ?? (value === null ? "" : value)}
      aria-describedby={`${id}-answer`}
      onInput={(event) => type(event.currentTarget.value)}
      onChange={(event) => done(event.currentTarget.value)}
      onBlur={() => type(null)}
    />
  );
}

function Rate(all: All) {
  const [held, hold] = useState<number | null>(null);
  const [low, high] = all.knobs.lr!.range ?? [1e-6, 10];
  const turn = (value: number) => {
    hold(null);
    if (Number.isFinite(value)) all.session.turn("lr", value); // out of range: refused in words
  };
  return (
    <Row {...all} name="lr" label="Rate (lr)">
      {(id, value, off) => {
        const rate = held ?? (typeof value === "number" ? value : 0);
        return (
          <>
            <input
              type="range" aria-label="Rate, logarithmic" disabled={off} step={0.05}
              min={Math.log10(Math.max(low, 1e-7))} max={Math.log10(high)}
              value={Math.log10(Math.max(rate, 1e-7))} aria-valuetext={String(rate)}
              onInput={(event) => hold(tidy(10 ** Number(event.currentTarget.value)))}
              onChange={(event) => turn(tidy(10 ** Number(event.currentTarget.value)))}
            />
            <NumberBox id={id} value={rate} off={off} turn={(one) => turn(one ?? NaN)} />
          </>
        );
      }}
    </Row>
  );
}

function tidy(value: number): number {
  return Number(value.toPrecision(2));
}

function Momentum(all: All) {
  const [held, hold] = useState<number | null>(null);
  const turn = (value: number) => {
    hold(null);
    if (Number.isFinite(value)) all.session.turn("momentum", value);
  };
  return (
    <Row {...all} name="momentum" label="Momentum">
      {(id, value, off) => {
        const one = held ?? (typeof value === "number" ? value : 0);
        return (
          <>
            <input
              type="range" aria-label="Momentum, slider" disabled={off} min={0} max={0.99} step={0.01}
              value={one}
              onInput={(event) => hold(event.currentTarget.valueAsNumber)}
              onChange={(event) => turn(event.currentTarget.valueAsNumber)}
            />
            <NumberBox
              id={id} value={one} off={off} max={1} step={0.01}
              turn={(typed) => turn(typed ?? NaN)}
            />
          </>
        );
      }}
    </Row>
  );
}

function Skip(all: All) {
  return (
    <Row {...all} name="skip_zero_grad" label="Leave zero_grad out">
      {(id, value, off) => (
        <input
          id={id} type="checkbox" disabled={off} checked={value === true} aria-keyshortcuts="Z"
          aria-describedby={`${id}-answer`}
          onChange={(event) => all.session.turn("skip_zero_grad", event.currentTarget.checked)}
        />
      )}
    </Row>
  );
}

function Place(all: All) {
  const places = (all.knobs.zero_grad_at!.choices as string[] | undefined) ?? PLACES;
  return (
    <Row {...all} name="zero_grad_at" label="zero_grad's place">
      {(id, value, off) => (
        <select
          id={id} disabled={off} value={String(value)} aria-describedby={`${id}-answer`}
          onChange={(event) => all.session.turn("zero_grad_at", event.currentTarget.value)}
        >
          {places.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      )}
    </Row>
  );
}

function Clip(all: All) {
  const turn = (norm: number | null) => all.session.turn("clip", norm);
  return (
    <Row {...all} name="clip" label="Clip gradients to norm">
      {(id, value, off) => (
        <NumberBox
          id={id} value={typeof value === "number" ? value : null} off={off} empty="off" turn={turn}
        />
      )}
    </Row>
  );
}

function Mode(all: All) {
  return (
    <Row {...all} name="eval_mode" label="Model's mode">
      {(id, value, off) => (
        <select
          id={id} disabled={off} value={String(value)} aria-describedby={`${id}-answer`}
          onChange={(event) => {
            const chosen = MODES.find(([, one]) => String(one) === event.currentTarget.value);
            all.session.turn("eval_mode", chosen?.[1] ?? null);
          }}
        >
          {MODES.map(([word, one]) => (
            <option key={word} value={String(one)}>{word}</option>
          ))}
        </select>
      )}
    </Row>
  );
}
