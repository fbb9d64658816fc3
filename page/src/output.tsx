import type { Session } from "./session";

// What the script prints.
export function Output({ session }: { session: Session }) {
  const { lines } = session.record;
  if (lines.length === 0) return null;
  return (
    <section class="panel output" aria-labelledby="output-title">
      <div class="title">
        <h2 id="output-title">Printed by the script</h2>
      </div>
      <pre class="printed" tabIndex={0} data-scrolls role="region" aria-label="Lines that the script printed">
        {lines.join("\n")}
      </pre>
    </section>
  );
}
