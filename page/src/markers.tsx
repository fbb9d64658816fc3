// The classes of points: each has a marker and a colour of its own (Okabe and Ito's).
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442"];

// In a square from -1 to 1.
const SHAPES: [number, number][][] = [
  [...Array(20).keys()].map((i) => [0.9 * Math.cos(i * 0.314159), 0.9 * Math.sin(i * 0.314159)]),
  [[0, -1], [0.95, 0.75], [-0.95, 0.75]],
  [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
  [[0, -1.1], [1.1, 0], [0, 1.1], [-1.1, 0]],
  [[0, 1], [0.95, -0.75], [-0.95, -0.75]],
];

export function tint(place: number): string {
  return COLOURS[place % COLOURS.length]!;
}

export function marker(ctx: CanvasRenderingContext2D, place: number, x: number, y: number, size: number): void {
  ctx.beginPath();
  for (const [a, b] of SHAPES[place % SHAPES.length]!) ctx.lineTo(x + size * a, y + size * b);
  ctx.closePath();
  ctx.fill();
  ctx.stroke();
}

export function Mark({ place }: { place: number }) {
  const points = SHAPES[place % SHAPES.length]!.map(([a, b]) => `${8 + 6 * a},${8 + 6 * b}`).join(" ");
  return (
    <svg class="mark" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <polygon points={points} fill={tint(place)} stroke="currentColor" stroke-width="1.2" />
    </svg>
  );
}
