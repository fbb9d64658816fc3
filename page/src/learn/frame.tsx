// The frame of a small drawing: the loss in units of the first one, against the iteration.
import type { ComponentChildren } from "preact";
import { maybe } from "../numbers";
import type { Curve } from "./types";

const WIDE = 360;
const HIGH = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 12, 12, 34];

export class Scale {
  constructor(readonly span: number, readonly top: number) {}

  x(iteration: number): number {
    return LEFT + ((iteration - 1) / Math.max(this.span - 1, 1)) * (WIDE - LEFT - RIGHT);
  }

  y(share: number): number {
    const kept = Math.min(Math.max(share, 0), this.top * 1.04);
    return TOP + (1 - kept / this.top) * (HIGH - TOP - BOTTOM);
  }

  // Back from a place on the screen: the iteration and the height there.
  at(svg: SVGSVGElement, event: MouseEvent): [number, number] {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDE;
    const y = ((event.clientY - box.top) / box.height) * HIGH;
    const iteration = 1 + ((x - LEFT) / (WIDE - LEFT - RIGHT)) * (this.span - 1);
    const share = (1 - (y - TOP) / (HIGH - TOP - BOTTOM)) * this.top;
    return [iteration, Math.min(Math.max(share, 0), this.top)];
  }
}

interface Given {
  scale: Scale;
  label: string;
  axis?: string; // what stands from left to right
  unit?: string; // after the numbers of height: × of a first loss, if nothing else is said
  children: ComponentChildren;
  draw?: ((svg: SVGSVGElement, event: PointerEvent) => void) | null; // null: not now, but its points stay sliders
}

export function Frame({ scale, label, axis = "iteration", unit = " ×", children, draw }: Given) {
  const move = (event: PointerEvent) => {
    if (event.buttons & 1) draw?.(event.currentTarget as SVGSVGElement, event);
  };
  return (
    <svg
      class={draw ? "pad" : "pad still"} viewBox={`0 0 ${WIDE} ${HIGH}`}
      role={draw === undefined ? "img" : "group"} aria-label={label} onPointerDown={move} onPointerMove={move}
    >
      {[0, scale.top / 2, scale.top].map((share) => (
        <g key={share} aria-hidden="true">
          <line class="grid-line" x1={LEFT} x2={WIDE - RIGHT} y1={scale.y(share)} y2={scale.y(share)} />
          <text x={LEFT - 6} y={scale.y(share) + 4} text-anchor="end">{`${Number(share.toPrecision(2))}${unit}`}</text>
        </g>
      ))}
      <g aria-hidden="true">
        {[1, Math.round((1 + scale.span) / 2), scale.span].map((one) => (
          <text key={one} x={scale.x(one)} y={HIGH - 18} text-anchor="middle">{one}</text>
        ))}
        <text x={(LEFT + WIDE) / 2} y={HIGH - 3} text-anchor="middle">{axis}</text>
      </g>
      {children}
    </svg>
  );
}

// A real curve, in units of its own first loss or another. Where it is no number, it has a gap.
export function line(scale: Scale, curve: Curve, unit = maybe(curve.losses[0]) || 1): string {
  const losses = curve.losses.map(maybe);
  let pen = "M";
  return losses
    .map((loss, i) => {
      if (loss === null || !Number.isFinite(loss)) {
        pen = "M";
        return "";
      }
      const [x, y] = [scale.x(curve.iterations[i]!), scale.y(loss / unit)];
      const part = `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = "L";
      return part;
    })
    .join("");
}
