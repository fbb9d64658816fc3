// Light or dark as the notebook around it is, which need not be what the browser prefers.

function dark(): boolean | null {
  const { body, documentElement } = document;
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter !== undefined) return jupyter === "false";
  const words = `${body.className} ${documentElement.className} ${body.dataset.theme ?? ""}`;
  if (/\b(vscode-dark|vscode-high-contrast|dark|dark-theme)\b/.test(words)) return true;
  return /\b(vscode-light|light|light-theme)\b/.test(words) ? false : null;
}

// Follows the notebook's theme until it is told to leave off.
export function wear(el: HTMLElement): () => void {
  const put = () => {
    const found = dark();
    el.style.colorScheme = found === null ? "light dark" : found ? "dark" : "light";
  };
  const eyes = new MutationObserver(put);
  for (const one of [document.body, document.documentElement]) {
    eyes.observe(one, { attributes: true, attributeFilter: ["class", "data-theme", "data-jp-theme-light"] });
  }
  put();
  return () => eyes.disconnect();
}
