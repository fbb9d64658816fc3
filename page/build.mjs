// Builds the component into one file: node build.mjs [folder]. The same input gives the same bytes.
import { build, transform } from "esbuild";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join(here, "../src/fivestep/page/static");

// uPlot's own legend is shown by no chart here.
const legend = /[^{}]*\.u-(legend|inline|live|marker)\b[^{}]*\{[^{}]*\}/g;

// Style sheets are text in the component, without what only people read.
const styles = {
  name: "styles",
  setup: (one) =>
    one.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true, charset: "utf8" });
      return { contents: code.replace(legend, ""), loader: "text" };
    }),
};

await mkdir(folder, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/component.tsx"],
  outfile: join(folder, "component.js"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [styles],
  legalComments: "none",
  banner: { js: "/*! fivestep, with Preact and uPlot; all MIT: component.js.LEGAL.txt */" },
});
await copyFile(join(here, "index.html"), join(folder, "index.html"));
const licences = await Promise.all(
  ["preact", "uplot"].map(async (name) => {
    const read = (file) => readFile(join(here, "node_modules", name, file), "utf8");
    const { version } = JSON.parse(await read("package.json"));
    return `${name} ${version}\n\n${(await read("LICENSE")).trim()}\n`;
  }),
);
await writeFile(
  join(folder, "component.js.LEGAL.txt"),
  `component.js holds these libraries.\n\n${licences.join("\n---\n\n")}`,
);
