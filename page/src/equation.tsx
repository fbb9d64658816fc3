import { useState } from "preact/hooks";
import { maybe, number, shape, shown, trimmed } from "./numbers";
import type { Moment, Parameter } from "./protocol";
import type { Session } from "./session";

const FEW = 2; // numbers of each parameter at first, where there are many parameters

// What an update is: before − rate × gradient = after, with the numbers of this loop.
export function Equation({ session }: { session: Session }) {
  const { moment } = session;
  const [all, show] = useState(false);
  const parameters = moment?.parameters ?? [];
  const rate = maybe(moment?.rate);
  const few = parameters.length > 2 && !all;
  const gradients = parameters.flatMap((one) => one.gradient ?? []).map(number);
  const longest = Math.max(...gradients.filter(Number.isFinite).map(Math.abs), 0);
  const late = missed(moment);
  const cut = parameters.length > 2 && parameters.some((one) => one.before.length > FEW);
  return (
    <section class="panel equation" aria-labelledby="equation-title">
      <div class="title">
        <h2 id="equation-title">Parameters</h2>
        {moment && moment.iteration !== session.iteration && (
          <span class="quiet">last told of in iteration {moment.iteration}</span>
        )}
        {cut && (
          <button type="button" aria-pressed={all} onClick={() => show(!all)}>
            {all ? "Fewer numbers" : "More numbers"}
          </button>
        )}
      </div>
      {parameters.length === 0 ? (
        <p class="formula">
          <b>before</b> − rate × <b class="grad">gradient</b> = <b>after</b>
          <span class="quiet">
            {moment
              ? "This step has told of no parameters."
              : "What every update does to each parameter. Your numbers stand here once a step has run."}
          </span>
        </p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="The numbers" data-scrolls>
          <table>
            <thead>
              <tr>
                <th scope="col">{late ? "now" : "before"}</th>
                {late ? <td /> : <th scope="col">− rate</th>}
                <th scope="col">{late ? "gradient" : "× gradient"}</th>
                {late ? <td /> : <th scope="col">= after</th>}
              </tr>
            </thead>
            {parameters.map((one) => (
              <Rows
                key={one.name} one={one} rate={own(one, rate)} longest={longest} late={late}
                count={few ? FEW : one.before.length}
              />
            ))}
          </table>
        </div>
      )}
      {moment && <Remark moment={moment} rate={rate} />}
    </section>
  );
}

interface Of {
  one: Parameter;
  rate: number | null;
  longest: number;
  late: boolean;
  count: number;
}

// Nobody was told of an update while it was made, so what was before it is not known.
function missed(moment: Moment | null): boolean {
  const told = moment?.step === "update" && !moment.skipped ? moment.parameters : [];
  return told.length > 0 && told.every((one) => one.after === null);
}

function Rows({ one, rate, longest, late, count }: Of) {
  const gradients = (one.gradient ?? []).map(number);
  return (
    <tbody>
      <tr class="name">
        <th colSpan={4} scope="rowgroup">
          {one.name} <span class="quiet">{shape(one.shape)}</span>
          {maybe(one.gradient_norm) !== null && (
            <span class="quiet norm">
              gradient norm {shown(maybe(one.gradient_norm))}
            </span>
          )}
        </th>
      </tr>
      {one.before.slice(0, count).map((before, i) => {
        const gradient = gradients[i] ?? null;
        const after = one.after?.[i] ?? null;
        const by = after === null ? 0 : moved(one, i);
        const hidden = after !== null && by !== 0 && shown(number(before)) === shown(number(after));
        return (
          <tr key={i}>
            <td>{shown(number(before))}</td>
            <td>{late || (after === null && gradient === null) ? "" : <>− {trimmed(rate)}</>}</td>
            <td class="grad">
              {gradient === null ? <span class="none">none</span> : <>{!late && "× "}{shown(gradient)}</>}
              {gradient !== null && <Bar share={longest > 0 ? gradient / longest : 0} />}
            </td>
            <td class={after === null ? "" : "after"}>
              {after === null ? "" : <>{plain(one, i, rate) ? "=" : "→"} {shown(number(after))}</>}
              {hidden && <span class="quiet"> (by {shown(by, 3)})</span>}
            </td>
          </tr>
        );
      })}
    </tbody>
  );
}

// From the middle to the right for a positive gradient, to the left for a negative one.
function Bar({ share }: { share: number }) {
  const width = Number.isFinite(share) ? 50 * Math.abs(share) : 0;
  return (
    <span class="bar" aria-hidden="true">
      <span
        class={share < 0 ? "minus" : "plus"}
        style={{ width: `${width}%`, left: share < 0 ? `${50 - width}%` : "50%" }}
      />
    </span>
  );
}

// The rate of the group that holds a parameter; a record of before knows only the first group's.
function own(one: Parameter, rate: number | null): number | null {
  return one.rate === undefined ? rate : maybe(one.rate);
}

function moved(one: Parameter, i: number): number {
  const exactly = one.moved?.[i];
  return exactly === undefined ? number(one.after![i]!) - number(one.before[i]!) : number(exactly);
}

// Whether a number moved by rate × gradient alone: movements are compared, for beside a large
// weight every small one looks right. What the rounding of its type may take is allowed.
function plain(one: Parameter, i: number, rate: number | null): boolean {
  const by = moved(one, i);
  const gradient = one.gradient?.[i];
  if (rate === null || gradient === undefined) return by === 0;
  const told = -rate * number(gradient);
  const size = Math.max(Math.abs(number(one.before[i]!)), Math.abs(number(one.after![i]!)));
  const grain = one.moved ? maybe(one.grain) ?? 0 : 1e-6;
  const room = 1e-4 * Math.max(Math.abs(told), Math.abs(by)) + grain * size;
  return Math.abs(told - by) <= room || (Number.isNaN(told) && Number.isNaN(by));
}

function Remark({ moment, rate }: { moment: Moment; rate: number | null }) {
  const crooked = moment.parameters.some((one) =>
    one.after?.some(
      (_, i) => !plain(one, i, own(one, rate)),
    ),
  );
  const empty = moment.parameters.length > 0 && moment.parameters.every((one) => one.gradient === null);
  return (
    <p class="quiet remark">
      {crooked
        ? "→ : this optimizer does not move by rate × gradient alone (momentum, Adam, weight decay)."
        : missed(moment)
          ? "The numbers after this update: nobody followed while it was made."
        : empty
          ? "No gradients now: backward computes them."
          : ""}
    </p>
  );
}
