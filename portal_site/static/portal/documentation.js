// Puts the viewer in the place of the plain list of calls, once it has drawn.
// Without it, or when a document is more than it can draw, the list stays.
(() => {
  const root = document.querySelector("[data-viewer]");
  const outline = document.querySelector("[data-outline]");
  if (!root || typeof SwaggerUIBundle === "undefined") return;

  const styles = () => new Promise((done, failed) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: root.dataset.styles, onload: done, onerror: failed });
    document.querySelector("link[data-documentation]").before(link);
  });

  // The page has a head of its own, and nothing here sends calls.
  const nothing = () => () => null;
  const parts = ["InfoContainer", "ServersContainer", "SchemesContainer", "AuthorizeBtnContainer", "authorizeOperationBtn", "FilterContainer"];
  // Markup that would load or style something is shown as it was typed. The viewer
  // removes most of it, and the policy blocks the rest: this asks for nothing at all.
  const loads = /<(?=\/?(img|image|picture|source|svg|math|video|audio|track|iframe|object|embed|link|meta|style|base|form|input|button)\b)/gi;
  const calm = (text) => typeof text !== "string" ? text
    : text.replace(/!(?=\[)/g, "").replace(loads, "&lt;").replace(/\sstyle\s*=/gi, " data-style=");
  const calmed = (Markdown, system) => (props) => system.React.createElement(Markdown, { ...props, source: calm(props.source) });
  const ours = () => ({
    wrapComponents: { ...Object.fromEntries(parts.map((name) => [name, nothing])), Markdown: calmed },
  });

  const show = (spec) => SwaggerUIBundle({
    spec,
    domNode: root,
    plugins: [ours],
    presets: [SwaggerUIBundle.presets.apis],
    supportedSubmitMethods: [],
    validatorUrl: null,
    deepLinking: false,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 2,
    persistAuthorization: false,
    // Nothing is fetched for a document: whatever it names stays a name.
    requestInterceptor: () => { throw new Error("A document fetches nothing."); },
  });

  // Names for what the viewer leaves nameless to a screen reader.
  const label = () => {
    for (const select of root.querySelectorAll("select:not([aria-label])")) {
      select.setAttribute("aria-label", select.closest(".parameters-col_description") ? "Value" : "Media type or example");
    }
    // What scrolls must scroll by keyboard too.
    for (const code of root.querySelectorAll("pre:not([tabindex])")) code.tabIndex = 0;
  };
  const drawn = () => {
    label();
    if (!root.hidden || !root.querySelector(".opblock, .models")) return;
    root.hidden = false;
    outline.hidden = true;
    if (location.hash.startsWith("#call-")) {
      go([...document.querySelectorAll(".docs-nav a")].find((link) => link.hash === location.hash));
    }
  };
  new MutationObserver(drawn).observe(root, { childList: true, subtree: true });

  // From the list at the side to the same call in the viewer.
  const block = (link) => [...root.querySelectorAll(".opblock")].find((one) =>
    one.querySelector(".opblock-summary-method")?.textContent === link.dataset.verb
    && one.querySelector(".opblock-summary-path, .opblock-summary-path__deprecated")?.dataset.path === link.dataset.path);
  const go = (link) => {
    const found = link && block(link);
    if (!found) return false;
    if (!found.classList.contains("is-open")) found.querySelector(".opblock-summary-control")?.click();
    found.scrollIntoView({ block: "start" });
    found.querySelector(".opblock-summary-control")?.focus({ preventScroll: true });
    return true;
  };
  document.querySelector(".docs-nav")?.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link && !root.hidden && go(link)) {
      event.preventDefault();
      history.replaceState(null, "", link.getAttribute("href"));
    }
  });

  Promise.all([fetch(root.dataset.viewer, { credentials: "same-origin" }).then((answer) => answer.json()), styles()])
    .then(([spec]) => show(spec))
    .catch(() => { root.hidden = true; outline.hidden = false; });
})();
