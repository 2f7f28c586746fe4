// How every element's frame takes on the look of the host's page.

(() => {
  "use strict";

  const VARIABLES = {
    colorPrimary: "--accent",
    colorBackground: "--card",
    colorText: "--ink",
    colorTextSecondary: "--muted",
    colorTextPlaceholder: "--muted",
    colorDanger: "--bad",
    borderRadius: "--field-radius",
    fontFamily: "--sans",
    fontSizeBase: "--size",
  };
  window.elementLook = ({ appearance = {}, scheme }) => {
    const root = document.documentElement;
    root.dataset.scheme = scheme;
    for (const [name, property] of Object.entries(VARIABLES)) {
      const value = appearance.variables?.[name];
      if (value) root.style.setProperty(property, value);
      else root.style.removeProperty(property);
    }
  };
})();
