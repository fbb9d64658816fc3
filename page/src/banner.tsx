import type { Session } from "./session";

// What the viewer must know before anything else on the page can be trusted.
export function Banner({ session }: { session: Session }) {
  const { record } = session;
  const verb = session.answer("verb");
  const last = session.note;
  const close = <button type="button" class="close" aria-label="Close this note" onClick={() => session.closeNote()}>×</button>;
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
      {last && <p class={`banner ${last.level === "warning" ? "bad" : ""}`}>{close}{last.text}</p>}
      {session.link.lesson.words && <p class="banner">{close}{session.link.lesson.words}</p>}
      <Asked session={session} />
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

// A link may carry knobs: they are turned when the viewer says so, never by themselves.
function Asked({ session }: { session: Session }) {
  const wanted = session.link.open(session);
  if (wanted.length === 0) return null;
  return (
    <p class="banner">
      This link was made with {wanted.map(([name, value]) => `${name} ${String(value)}`).join(", ")}.{" "}
      <button type="button" onClick={() => session.link.turn(session)}>
        {wanted[0]![0] === "seed" ? "Begin anew with that seed" : "Turn the knobs so"}
      </button>{" "}
      <button type="button" onClick={() => session.link.leave(session)}>
        Leave it
      </button>
    </p>
  );
}
