import { KEYS } from "./keys";
import type { Session } from "./session";

export function Help({ session }: { session: Session }) {
  return (
    <section class="help panel" aria-label="Keys">
      <dl>
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt><kbd>{key}</kbd></dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">
        They act while the focus is inside this page's frame. On a button, Space presses that button.
      </p>
      <button
        type="button"
        onClick={() => {
          session.help = false;
          session.changed();
        }}
      >
        Close
      </button>
    </section>
  );
}
