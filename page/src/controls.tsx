import type { ComponentChildren } from "preact";
import type { Session } from "./session";

const SPEEDS = [1, 2, 5, 10, 50, null];

export function Controls({ session }: { session: Session }) {
  const { record, paused } = session;
  const stopped = !session.reachable || session.ended;
  const fresh = record.moments.length === 0;
  const { learner } = record;
  const asked = learner.lesson ? learner.wanted(record) : fresh || paused ? "step" : "";
  const speed = session.value("speed") ?? record.state?.speed ?? null;
  const speeds = SPEEDS.includes(speed as number) ? SPEEDS : [speed as number, ...SPEEDS];
  return (
    <div class="controls" role="group" aria-label="The loop">
      <Button
        icon={paused ? "play" : "pause"} key_="Space" off={stopped} strong={paused && asked === "play"}
        act={() => session.do(paused ? "play" : "pause")}
      >
        {paused ? "Play" : "Pause"}
      </Button>
      <Button
        icon="step" key_="S" off={stopped} strong={asked === "step"}
        act={() => session.do("step")}
      >
        Step
      </Button>
      <Button icon="iteration" key_="N" off={stopped} strong={asked === "iteration"} act={() => session.do("iteration")}>
        Iteration
      </Button>
      <Button icon="epoch" off={stopped} act={() => session.do("epoch")}>
        Epoch
      </Button>
      {session.host.resets !== false && (
        <>
          <Button icon="reset" key_="R" off={!session.reachable} act={() => session.do("reset")}>
            Reset
          </Button>
          {!learner.lesson && ( // a lesson has the seed among its settings
            <Button
              icon="seed" off={!session.reachable || record.hello?.mode === "replay"}
              act={() => session.do("reset", Math.floor(Math.random() * 2 ** 32))}
            >
              New seed
            </Button>
          )}
        </>
      )}
      <label class="speed">
        Speed{" "}
        <select
          disabled={stopped} value={String(speed)}
          onChange={(event) => {
            const { value } = event.currentTarget;
            session.do("speed", value === "null" ? null : Number(value));
          }}
        >
          {speeds.map((one) => (
            <option key={one} value={String(one)}>
              {one === null ? "unlimited" : `${one} ${one === 1 ? "step" : "steps"} a second`}
            </option>
          ))}
        </select>
      </label>
      <span class="gap" />
      <span class="looks">
      <Button icon="back" key_="←" off={session.place <= 0} act={() => session.look(-1)}>
        Back
      </Button>
      <Button icon="forward" key_="→" off={!session.past} act={() => session.look(1)}>
        Forward
      </Button>
      <button
        type="button" class="help-button" aria-expanded={session.help} aria-label="Keys"
        aria-keyshortcuts="?"
        onClick={() => {
          session.help = !session.help;
          session.changed();
        }}
      >
        ?
      </button>
      </span>
    </div>
  );
}

const ICONS: { [name: string]: string } = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  step: "M3 3v10l6.5-5zM11 3h2v10h-2z",
  iteration: "M2 3v10l5-5zM7.5 3v10l5-5zM13 3h1.6v10H13z",
  epoch: "M8 2a6 6 0 1 0 6 6h-2a4 4 0 1 1-4-4v2.5L12 3 8 0z",
  reset: "M2 3h2v10H2zM13 3v10L5 8z",
  seed: "M2 2h12v12H2zM4 4v3h3V4zM9 9v3h3V9z",
  back: "M10.5 3L4 8l6.5 5z",
  forward: "M5.5 3L12 8l-6.5 5z",
};

interface Act {
  icon: string;
  key_?: string;
  off: boolean;
  strong?: boolean;
  act: () => void;
  children: ComponentChildren;
}

function Button({ icon, key_, off, strong, act, children }: Act) {
  return (
    <button
      type="button" class={strong ? "strong" : ""} disabled={off} onClick={act}
      aria-keyshortcuts={key_}
    >
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
        <path d={ICONS[icon]} fill="currentColor" />
      </svg>
      <span>{children}</span>
      {key_ && <kbd aria-hidden="true">{key_}</kbd>}
    </button>
  );
}
