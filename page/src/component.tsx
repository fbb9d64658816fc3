// The component: `render({ model, el })` as anywidget asks for it, and the page's own beginning.
import { render as draw } from "preact";
import { App } from "./app";
import { anywidget, type Model } from "./hosts/anywidget";
import { http } from "./hosts/http";
import { replay } from "./hosts/replay";
import type { Host } from "./protocol";
import { Session } from "./session";
import plotStyle from "uplot/dist/uPlot.min.css";
import style from "./style.css";

function isHost(model: Model | Host): model is Host {
  return "subscribe" in model;
}

interface Place {
  model: Model | Host;
  el: HTMLElement;
  keeps?: boolean; // the address of the page is ours: it keeps how one looks at the run
}

function render({ model, el, keeps = false }: Place): () => void {
  const shadow = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(plotStyle + style);
  shadow.adoptedStyleSheets = [sheet];
  const paint = () => {
    if (session && keeps) session.link.write(session);
    if (session) draw(<App session={session} version={++version} />, shadow);
  };
  let version = 0;
  let session: Session | null = null;
  session = new Session(isHost(model) ? model : anywidget(model), paint);
  if (keeps) session.link.read(location.hash);
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
  render({ model: page, el, keeps: true });
  el.shadowRoot?.querySelector<HTMLElement>(".root")?.focus({ preventScroll: true });
}

export { http, render, replay };
export default { render };
