import type { Finding } from "./protocol";
import type { Session } from "./session";

export function Findings({ session }: { session: Session }) {
  const { findings } = session.record;
  return (
    <section class="panel findings" aria-labelledby="findings-title">
      <div class="title">
        <h2 id="findings-title" tabIndex={-1}>
          The doctor{findings.length > 0 && ` found ${findings.length === 1 ? "a fault" : `${findings.length} faults`}`}
        </h2>
      </div>
      {findings.length === 0 && <p class="quiet">Nothing found so far. Every iteration is looked at.</p>}
      {findings.map((one, i) => (
        <One key={one.seq} session={session} finding={one} number={i + 1} />
      ))}
    </section>
  );
}

function One({ session, finding, number }: { session: Session; finding: Finding; number: number }) {
  const point = () => {
    session.marked = { file: finding.file, line: finding.line };
    session.changed();
  };
  return (
    <article class={`finding ${finding.severity}`} aria-label={`${number}: ${finding.rule}`}>
      <p class="rule">
        <span class="fault" aria-hidden="true">{number}</span>
        <b>{finding.rule}</b> <span class="tag">{finding.severity}</span>
        {finding.early && <span class="quiet"> so far: it may pass</span>}
        <span class="quiet"> {finding.code}</span>
      </p>
      <p><Words text={finding.message} /></p>
      <p class="quiet"><Words text={finding.cause} /></p>
      <p class="fix"><b>Do:</b> <Words text={finding.fix} /></p>
      <p class="points">
        {finding.line !== null && (
          <button type="button" onClick={point}>
            Line {finding.line}
          </button>
        )}
        <button
          type="button"
          onClick={() => {
            session.lookAt(finding.seq_of ?? finding.seq);
            point();
          }}
        >
          Iteration {finding.iteration}
        </button>
        <code class="quiet">{finding.explain}</code>
      </p>
    </article>
  );
}

// A sentence with what stands between backticks as code.
function Words({ text }: { text: string }) {
  return <>{text.split("`").map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</>;
}
