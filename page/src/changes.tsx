// The user's own file with the knobs written into it: shown as a difference, copied whole.
import type { Session } from "./session";

export function AsPython({ session }: { session: Session }) {
  const { changes } = session.record;
  const say = (words: string) => {
    session.told = words; // by the page's one live region
    session.changed();
  };
  if (!changes || (!changes.diff && changes.unsaid.length === 0)) return null;
  const copy = (text: string, what: string) => {
    const done = () => say(`${what} copied.`);
    const failed = () => say("The browser does not let a page copy: select the lines below.");
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, failed);
    else failed();
  };
  return (
    <div class="as-python">
      <h3>As Python</h3>
      {changes.diff && (
        <>
          <p class="points">
            {changes.text && (
              <button type="button" onClick={() => copy(changes.text, changes.file)}>
                Copy as Python
              </button>
            )}
            <button type="button" onClick={() => copy(changes.diff, "The difference")}>
              Copy the difference
            </button>
            <span class="quiet">{session.told}</span>
          </p>
          <details>
            <summary>The lines that change in {changes.file}</summary>
            <pre tabIndex={0} role="region" aria-label="The difference" data-scrolls>
              {changes.diff.split("\n").map((line, i) => (
                <span key={i} class={line.startsWith("+") ? "added" : line.startsWith("-") ? "gone" : ""}>
                  {`${line}\n`}
                </span>
              ))}
            </pre>
          </details>
        </>
      )}
      {changes.unsaid.map((one) => (
        <p key={one} class="quiet">Not in these lines: {one}.</p>
      ))}
    </div>
  );
}
