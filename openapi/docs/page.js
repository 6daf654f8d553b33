"use strict";

// The operator's listener is another origin, which this page may not ask: its operations are shown, not tried.
const operationsAreShownOnly = () => ({
  statePlugins: {
    spec: {
      wrapSelectors: {
        allowTryItOutFor: (original, system) => (state, path, method) =>
          !system.specSelectors.specJson().hasIn(["paths", path, "servers"]) && original(state, path, method),
      },
    },
  },
});

// A path stands in a button already, where a link would be one control in another; and the licence's name is no SPDX page.
const plainTexts = (system) => ({
  components: {
    DeepLink: ({ text }) => system.React.createElement("span", null, text),
    License: () => null,
  },
});

// What Swagger UI leaves without a name for those who hear the page.
const names = {
  ".examples-select-element": "Example",
  ".content-type": "Media type",
  ".body-param__text": "Request body",
  ".body-param__example": "Request body",
  ".parameters-col_description textarea": "Value",
};
const nameControls = () => {
  for (const [selector, name] of Object.entries(names)) {
    for (const control of document.querySelectorAll(`${selector}:not([aria-label])`)) control.setAttribute("aria-label", name);
  }
};
new MutationObserver(nameControls).observe(document.getElementById("contract"), { childList: true, subtree: true });

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  plugins: [operationsAreShownOnly, plainTexts],
  presets: [SwaggerUIBundle.presets.apis],
  syntaxHighlight: { theme: "obsidian" },
  validatorUrl: null,
});
