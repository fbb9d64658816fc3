import type { Session } from "./session";

// What the viewer must know before anything else on the page can be trusted.
export function Banner({ session }: { session: Session }) {
  const { record } = session;
  const verb = session.answer("verb");
  const last = record.notes[record.notes.length - 1];
  return (
    <div class="banners">
      {record.stranger && (
        <p class="banner bad">
          <b>The command was started anew.</b>{" "}
          {record.hello ? "What you see is the last that was heard. " : ""}
          Open the new link: it stands in its terminal.
        </p>
      )}
      {!record.up && !record.stranger && (
        <p class="banner bad">
          <b>Nobody answers.</b>{" "}
          {record.hello ? "What you see is the last that was heard. " : ""}
          The page asks again by itself. If the command was started anew, open its new link.
        </p>
      )}
      {record.end?.message && (
        <p class={`banner ${record.end.reason === "failed" ? "bad" : ""}`}>{record.end.message}</p>
      )}
      {verb.bad && <p class="banner bad">{verb.text}</p>}
      {last && <p class={`banner ${last.level === "warning" ? "bad" : ""}`}>{last.text}</p>}
      {session.past && (
        <p class="banner past">
          <b>Replay.</b> You look at what was recorded; the loop itself stands where it stood.{" "}
          <button type="button" onClick={() => session.now()}>
            Back to now
          </button>
        </p>
      )}
    </div>
  );
}
