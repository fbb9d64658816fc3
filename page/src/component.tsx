// The component: `render({ model, el })` as anywidget asks for it, and the page's own beginning.
import { render as draw } from "preact";
import { App } from "./app";
import { anywidget, type Model } from "./hosts/anywidget";
import { http } from "./hosts/http";
import { replay } from "./hosts/replay";
import type { Host } from "./protocol";
import { Session } from "./session";
import plotStyle from "uplot/dist/uPlot.min.css";
import learnStyle from "./learn/learn.css";
import style from "./style.css";

function isHost(model: Model | Host): model is Host {
  return "subscribe" in model;
}

function render({ model, el }: { model: Model | Host; el: HTMLElement }): () => void {
  const shadow = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(plotStyle + style + learnStyle);
  shadow.adoptedStyleSheets = [sheet];
  const paint = () => {
    if (session) draw(<App session={session} version={++version} />, shadow);
  };
  let version = 0;
  let session: Session | null = null;
  session = new Session(isHost(model) ? model : anywidget(model), paint);
  paint();
  return () => {
    session?.close();
    session = null; // a drawing that was asked for may still come
    draw(null, shadow);
  };
}

// A page that is all ours says so in its HTML; anywhere else this module does nothing by itself.
for (const el of document.querySelectorAll<HTMLElement>("[data-fivestep-host]")) {
  const recorded = document.getElementById(el.dataset.fivestepRecord ?? "")?.textContent;
  const bare = new CSSStyleSheet();
  bare.replaceSync(
    "html{color-scheme:light dark;background:light-dark(#ffffff,#13161b)}body{margin:0}",
  );
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, bare];
  const page = el.dataset.fivestepHost === "replay" ? replay(recorded ?? "") : http();
  render({ model: page, el });
  el.shadowRoot?.querySelector<HTMLElement>(".root")?.focus({ preventScroll: true });
}

export { http, render, replay };
export default { render };
