/* The dataset form: conditional fields, links to fields. */
(function () {
  "use strict";

  const { goTo, read } = window.ecosphere.form;
  // The form comes back with the address that it was sent to, its field included: what is wrong in it goes first.
  const faulty = document.getElementById("form-errors");
  const wanted = window.location.hash.startsWith("#field-") ? window.location.hash : "";

  // The browser would go there in its own way, some time after the page is loaded, and take the focus from where one types by
  // then: it finds the address without the field.
  if (wanted) {
    const show = (end) => window.history.replaceState(window.history.state, "", window.location.pathname + window.location.search + end);
    show("");
    if (!faulty) window.addEventListener("load", () => window.setTimeout(() => show(wanted)));
  }

  /** The same rule as `form.py` on the server. */
  function holds(conditions, readField) {
    return conditions.every((condition) => {
      const values = readField(condition.field);
      const names = new Set(values.flatMap((value) => [value, value.slice(value.lastIndexOf("/") + 1)]));
      if (!names.size) names.add("");
      if ("filled" in condition) return values.length > 0 === condition.filled;
      if ("is" in condition) return condition.is.some((value) => names.has(value));
      return values.length > 0 && !condition.is_not.some((value) => names.has(value));
    });
  }

  window.ecosphere.holds = holds;

  /** Return whether a section has values: it stays visible then, so that nothing is submitted unseen. */
  function isFilled(part) {
    return Array.from(part.querySelectorAll("input, select, textarea")).some((element) =>
      ["checkbox", "radio"].includes(element.type) ? element.checked : element.type !== "search" && element.value.trim() !== ""
    );
  }

  ckan.module("ecosphere-form", function () {
    return {
      initialize: function () {
        this._conditions();
        this._counts();
        window.addEventListener("hashchange", () => goTo(window.location.hash));
        if (wanted && !faulty) goTo(wanted);
      },

      /** Keep the numbers of filled fields right while one types. The server has counted fields that the form does not show, too. */
      _counts: function () {
        const form = this.el[0].closest("form");
        const lines = Array.from(this.el[0].querySelectorAll("[data-count]"));
        const filled = () => {
          const given = new Set();
          for (const [name, value] of new FormData(form)) {
            if (typeof value === "string" ? value.trim() : value.name) given.add(name.split(/-\d+-|__\d+__/)[0]);
          }
          return lines.map((line) => JSON.parse(line.dataset.fields).filter((name) => given.has(name)).length);
        };
        const start = filled();
        const update = () => {
          filled().forEach((number, index) => {
            const { count, texts } = lines[index].dataset;
            const shown = Math.max(Number(count) + number - start[index], 0);
            lines[index].textContent = JSON.parse(texts)[Math.min(shown, 2)].replace("{number}", shown);
          });
        };
        const later = () => window.setTimeout(update);
        ["input", "change", "click"].forEach((name) => form.addEventListener(name, later));
        window.jQuery(form).on("change", later); // widgets that replace inputs
      },

      /** Show the fields that apply to what is chosen; hide the others as long as they are empty. */
      _conditions: function () {
        const form = this.el[0].closest("form");
        const status = this.el[0].querySelector("[data-when-status]");
        const update = (event) => {
          const shown = [];
          // While typing, update only what depends on this field, so that the next Tab finds it.
          const named = event && event.type === "input" ? JSON.stringify(event.target.name) : "";
          form.querySelectorAll("[data-when]").forEach((part) => {
            if (!part.dataset.when.includes(named)) return;
            const applies = holds(JSON.parse(part.dataset.when), (name) => read(form, name));
            const hide = !applies && !isFilled(part) && !part.querySelector(".error");
            if (part.hidden && !hide) shown.push(part.querySelector("label, legend").firstChild.textContent.trim());
            part.hidden = hide;
          });
          if (event && shown.length) status.textContent = this.options.shown + " " + shown.join(", ");
        };
        form.addEventListener("change", update);
        form.addEventListener("input", update);
        form.addEventListener("ecosphere:rows", () => update());
        update();
      },
    };
  });
})();
