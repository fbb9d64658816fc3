// What was told of data, lines and surfaces, kept so that one can look back at it.
import { number } from "./numbers";
import type { Data, Fitted, Iteration, Surface } from "./protocol";

const KEPT = 600; // of each; of more, every second of the older ones is let go

export interface Step {
  seq: number;
  iteration: number;
  at: [number, number];
}

// All that there is to draw at one moment of the run.
export interface View {
  data: Data;
  first: Fitted | null; // the first line: where it began
  fitted: Fitted | null;
  surface: Surface | null;
  path: Step[];
}

export class Pictures {
  private datas: Data[] = [];
  private fits: Fitted[] = [];
  private surfaces: Surface[] = [];
  private steps: Step[] = [];

  take(message: Data | Fitted | Surface): void {
    if (message.kind === "data") this.datas = thin(this.datas, message);
    else if (message.kind === "fitted") this.fits = thin(this.fits, message);
    else this.surfaces = thin(this.surfaces, message);
  }

  walk(one: Iteration): void {
    if (!one.point) return;
    const at: [number, number] = [number(one.point[0]), number(one.point[1])];
    this.steps.push({ seq: one.seq, iteration: one.iteration, at });
    if (this.steps.length > 8 * KEPT) this.steps = this.steps.filter((_, i) => i % 2 || i > 4 * KEPT);
  }

  // What had been told before the message with this number.
  before(limit: number): View | null {
    const data = last(this.datas, limit);
    if (!data) return null;
    const surface = last(this.surfaces, limit);
    // Of a model that came later, nothing of the one before.
    const begun = this.datas.filter((one) => one.seq <= data.seq && begins(this.datas, one)).pop();
    const from = begun?.seq ?? 0;
    const first = this.fits.find((one) => one.seq > from) ?? null;
    const fitted = last(this.fits, limit);
    return {
      data, surface: surface && surface.seq > from ? surface : null,
      fitted: fitted && fitted.seq > from ? fitted : null,
      first: first && first.seq < limit ? first : null,
      path: surface?.start ? this.path(surface, limit) : [],
    };
  }

  private path(surface: Surface, limit: number): Step[] {
    const since = surface.since ?? 0;
    const start = surface.start!;
    const begin: Step = { seq: 0, iteration: since, at: [number(start[0]), number(start[1])] };
    return [begin, ...this.steps.filter((one) => one.iteration > since && one.seq < limit)];
  }
}

// The message with which the points of a model began: it has fewer of them than the one before.
function begins(all: Data[], one: Data): boolean {
  const before = all[all.indexOf(one) - 1];
  return !before || one.targets.length < before.targets.length || one.shape !== before.shape;
}

function last<T extends { seq: number }>(all: T[], limit: number): T | null {
  for (let i = all.length - 1; i >= 0; i--) if (all[i]!.seq < limit) return all[i]!;
  return null;
}

function thin<T>(all: T[], one: T): T[] {
  if (all.length > KEPT) all = all.filter((_, i) => i === 0 || i % 2 || i > KEPT / 2);
  all.push(one);
  return all;
}
