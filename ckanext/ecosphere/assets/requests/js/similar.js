/* Datasets and requests similar to the text being typed, fetched shortly after the last change and announced to screen
 * readers. Without a script the next page shows them.
 *
 * data-module-url: URL that returns HTML
 */
"use strict";

ckan.module("ecosphere-request-similar", function () {
  const PAUSE = 600; // milliseconds without a change before asking
  const SHORTEST = 4;

  return {
    options: { url: null },

    initialize: function () {
      const panel = this.el[0];
      this.content = panel.querySelector("[data-content]");
      this.status = panel.querySelector("[data-status]");
      this.form = document.getElementById("request-form");
      if (!this.form) { return; }
      const later = (event) => {
        if (!["title", "theme", "territory", "organization"].includes(event.target.name)) { return; }
        window.clearTimeout(this.timer);
        this.timer = window.setTimeout(() => this.ask(), PAUSE);
      };
      this.form.addEventListener("input", later);
      this.form.addEventListener("change", later);
      this.ask();
    },

    value: function (name) {
      const field = document.getElementById("field-" + name);
      return field ? field.value.trim() : "";
    },

    ask: async function () {
      if (this.value("title").length < SHORTEST) { return; }
      if (this.request) { this.request.abort(); }
      this.request = new AbortController();
      const address = new URL(this.options.url, window.location.href);
      ["title", "theme", "territory"].forEach((name) => address.searchParams.set(name, this.value(name)));
      const known = this.form.querySelector("input[type=hidden][name=dataset]");
      if (known) { address.searchParams.set("dataset", known.value); }
      const service = this.form.querySelector("input[name=organization]:checked");
      if (service) { address.searchParams.set("organization", service.value); }
      try {
        const answer = await fetch(address, { credentials: "same-origin", signal: this.request.signal });
        if (!answer.ok) { return; }
        this.content.innerHTML = await answer.text();
        const sentence = this.content.querySelector("[data-sentence]");
        this.status.textContent = sentence ? sentence.textContent.trim() : "";
        this.shown();
      } catch (error) {
        // The next page shows them anyway.
        if (error.name !== "AbortError") { this.status.textContent = ""; }
      }
    },

    /** Record in the form that the proposals match the current text, so that the next page need not show them again. */
    shown: function () {
      let mark = this.form.querySelector("[name=similar_shown]");
      if (!mark) {
        mark = document.createElement("input");
        mark.type = "hidden";
        mark.name = "similar_shown";
        this.form.append(mark);
      }
      mark.value = "1";
      const seen = this.form.querySelector("[data-seen]");
      if (seen) { seen.hidden = !this.content.querySelector("li"); }
    }
  };
});
