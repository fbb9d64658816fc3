// Points out of text: two numbers in each line, whatever stands between them. Where a semicolon or a
// tab does, a comma may stand in a number: 0,5;1,25.
export type Pair = [number, number];

const MOST = 200;

export function parse(text: string): { points: Pair[]; wrong: string } {
  const points: Pair[] = [];
  let wrong = "";
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const first = lines.findIndex((line) => line !== "");
  lines.forEach((line, i) => {
    if (!line) return;
    const pair = fields(line.replaceAll('"', "")).map(Number);
    if (pair.length === 2 && pair.every(Number.isFinite)) points.push(pair.map(short) as Pair);
    else if (i > first || /^[\s\d.,;+-]/.test(line)) wrong ||= `Line ${i + 1}: two numbers were expected.`; // else a heading
  });
  if (points.length > MOST) wrong ||= `${points.length} points: at most ${MOST} are taken.`;
  return { points, wrong };
}

function fields(line: string): string[] {
  const parted = line.split(/\s*[;\t]\s*/);
  if (parted.length === 2 && parted.includes("")) return []; // "0,5;" is half a point, not two numbers
  const commas = parted.length === 2 && parted.every((one) => /^[^,\s]*,[^,\s]*$|^[^,\s]+$/.test(one));
  return commas ? parted.map((one) => one.replace(",", ".")) : line.split(/[\s,;]+/).filter(Boolean);
}

function short(value: number): number {
  return Number(value.toPrecision(6));
}
