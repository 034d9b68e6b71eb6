/* Small helps of the room's pages; each page works without them. */
"use strict";

/** The summary of errors takes the focus, and its links open what is folded on their way. */
ckan.module("ecosphere-request-errors", function () {
  return {
    initialize: function () {
      const box = this.el[0];
      // On a slow machine the person may be in a field by now.
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

/** Filters are folded on small screens, where they would push the list away. */
ckan.module("ecosphere-request-filters", function () {
  return {
    initialize: function () {
      if (window.matchMedia("(max-width: 767.98px)").matches) { this.el[0].open = false; }
    }
  };
});

/** One button ticks every request of the desk, or none. */
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
