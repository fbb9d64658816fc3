// The component: `render({ model, el })` as anywidget asks for it, and the page's own beginning.
import { render as draw } from "preact";
import { App } from "./app";
import { anywidget, type Model } from "./hosts/anywidget";
import { film } from "./hosts/film";
import { http } from "./hosts/http";
import { replay } from "./hosts/replay";
import { wear } from "./theme";
import type { Host } from "./protocol";
import { Session } from "./session";
import plotStyle from "uplot/dist/uPlot.min.css";
import learnStyle from "./learn/learn.css";
import style from "./style.css";
import watchStyle from "./watch/watch.css";
import { WatchApp } from "./watch/watch";

function isHost(model: Model | Host): model is Host {
  return "subscribe" in model;
}

interface Place {
  model: Model | Host;
  el: HTMLElement;
  keeps?: boolean; // the address of the page is ours: it keeps how one looks at the run
}

function render({ model, el, keeps = false }: Place): () => void {
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab: a letter pressed in here is not for it
  const leave = isHost(model) ? null : wear(el);
  const shadow = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(plotStyle + style + learnStyle + watchStyle);
  shadow.adoptedStyleSheets = [sheet];
  const paint = () => {
    if (!session) return;
    if (keeps) session.link.write(session);
    const View = session.films.active ? WatchApp : App;
    draw(<View session={session} version={++version} />, shadow);
    el.dataset.heard = `${session.heard}`; // what is drawn: who drives the page can wait for it
  };
  let version = 0;
  let session: Session | null = null;
  session = new Session(isHost(model) ? model : anywidget(model), paint);
  // Another address in an open window; our own way of writing it is not told.
  const follow = () => session?.link.follow(session);
  if (keeps) {
    session.link.read(location.hash);
    addEventListener("hashchange", follow);
  }
  paint();
  return () => {
    removeEventListener("hashchange", follow);
    leave?.();
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
  const hosts: { [name: string]: (recorded: string) => Host } = { replay, film };
  const page = hosts[el.dataset.fivestepHost ?? ""]?.(recorded ?? "") ?? http();
  render({ model: page, el, keeps: true });
  el.shadowRoot?.querySelector<HTMLElement>(".root")?.focus({ preventScroll: true });
}

export { film, http, render, replay };
export default { render };
