/* Small enhancements of the pages of data requests, which work without them. */
"use strict";

/** Error summary: receives the focus; its links open the <details> elements that contain their target. */
ckan.module("ecosphere-request-errors", function () {
  return {
    initialize: function () {
      const box = this.el[0];
      // On a slow machine the person may already be typing in a field.
      if (document.activeElement === document.body) { box.focus(); }
      box.addEventListener("click", (event) => {
        const link = event.target.closest("a[href^='#']");
        const target = link && document.getElementById(link.getAttribute("href").slice(1));
        if (!target) { return; }
        event.preventDefault();
        const typable = target.matches("input, select, textarea") ? target : target.querySelector("input:not([type=hidden]), select, textarea");
        target.scrollIntoView({ block: "center" });
        (typable || target).focus({ preventScroll: true });
      });
    }
  };
});

/** Collapse the filters on small screens, where they would push the list down. */
ckan.module("ecosphere-request-filters", function () {
  return {
    initialize: function () {
      if (window.matchMedia("(max-width: 767.98px)").matches) { this.el[0].open = false; }
    }
  };
});

/** Button that ticks or unticks all requests of the desk. */
ckan.module("ecosphere-request-ticks", function () {
  return {
    options: { all: "", none: "" },
    initialize: function () {
      const form = this.el[0];
      const boxes = () => Array.from(document.querySelectorAll("input[name=ids][form=" + form.id + "]"));
      if (boxes().length < 2) { return; }
      const button = document.createElement("button");
      const name = () => { button.textContent = boxes().every((box) => box.checked) ? this.options.none : this.options.all; };
      button.type = "button";
      button.className = "btn btn-link";
      button.addEventListener("click", () => {
        const tick = !boxes().every((box) => box.checked);
        boxes().forEach((box) => { box.checked = tick; });
        name();
      });
      document.addEventListener("change", name);
      form.append(button);
      name();
    }
  };
});
