// Python for the eye: its words, strings and comments; and where its five steps seem to stand.
import type { StepName } from "./protocol";

export type Kind = "word" | "string" | "comment" | "plain";

const TOKEN =
  /(#.*)|((?:\b[rbfuRBFU]{1,2})?(?:"""|'''|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?))|\b(False|None|True|and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b/g;

// Lines of a file, each as pieces. A string over several lines is followed from line to line.
export function pieces(text: string): [Kind, string][][] {
  let open = "";
  return text.split("\n").map((line) => {
    const found: [Kind, string][] = [];
    let from = 0;
    const put = (kind: Kind, until: number) => {
      if (until > from) found.push([kind, line.slice(from, until)]);
      from = until;
    };
    if (open) {
      const close = line.indexOf(open);
      put("string", close < 0 ? line.length : close + 3);
      if (close < 0) return found;
      open = "";
    }
    TOKEN.lastIndex = from;
    for (let hit = TOKEN.exec(line); hit; hit = TOKEN.exec(line)) {
      put("plain", hit.index);
      const quotes = hit[2]?.slice(-3);
      if (quotes === '"""' || quotes === "'''") {
        const close = line.indexOf(quotes, TOKEN.lastIndex);
        if (close < 0) {
          open = quotes;
          put("string", line.length);
          return found;
        }
        TOKEN.lastIndex = close + 3;
      }
      put(hit[1] ? "comment" : hit[2] ? "string" : "word", TOKEN.lastIndex);
    }
    put("plain", line.length);
    return found;
  });
}

// Where the text alone says that a step stands: shown as a guess until the line has run.
export function guess(text: string): Map<number, StepName[]> {
  const lines = pieces(text).map((line) =>
    line.map(([kind, part]) => (kind === "comment" || kind === "string" ? "" : part)).join(""),
  );
  const found = new Map<number, StepName[]>();
  const put = (index: number, step: StepName) => {
    if (index >= 0) found.set(index + 1, [...(found.get(index + 1) ?? []), step]);
  };
  const back = lines.findIndex((line) => /\b\w+\.backward\(/.test(line));
  if (back < 0) return found;
  put(back, "backward");
  put(lines.findIndex((line) => /\bopt\w*\.step\(/.test(line)), "update");
  put(lines.findIndex((line) => /\bopt\w*\.zero_grad\(/.test(line)), "zero_grad");
  const name = /\b(\w+)\.backward\(/.exec(lines[back]!)![1]!;
  const above = (pattern: RegExp) => {
    for (let i = back - 1; i >= Math.max(0, back - 15); i--) if (pattern.test(lines[i]!)) return i;
    return -1;
  };
  put(above(/=\s*(?:self\.)?\w*(?:model|net)\w*\(/i), "forward");
  put(above(new RegExp(`^\\s*${name}\\s*=[^=]`)), "loss");
  return found;
}
