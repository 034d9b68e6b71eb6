/* The summary of errors of a form: receives the focus; its links lead to the fields, and open what hides them. */
"use strict";

ckan.module("ecosphere-errors", function () {
  /** Show a field and focus its input. */
  function goTo(hash) {
    const target = document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target) { return; }
    for (let parent = target.closest("details"); parent; parent = parent.parentElement.closest("details")) { parent.open = true; }
    const typable = target.matches("input, select, textarea") ? target : target.querySelector("input:not([type=hidden]), select, textarea");
    target.scrollIntoView({ block: "center" });
    (typable || target).focus({ preventScroll: true });
  }

  return {
    initialize: function () {
      const box = this.el[0];
      // On a slow machine the person may already be typing in a field.
      if (document.activeElement === document.body) { box.focus(); }
      if (document.activeElement === box) { box.scrollIntoView({ block: "nearest" }); }
      box.addEventListener("click", (event) => {
        const link = event.target.closest("a[href^='#']");
        if (!link) { return; }
        event.preventDefault();
        // The form of a dataset also fetches parts that it left out.
        const form = window.ecosphere && window.ecosphere.form;
        (form ? form.goTo : goTo)(link.getAttribute("href"));
      });
    }
  };
});
