/*
 * Progress of a job, polled every two seconds; the page is reloaded when the job ends.
 *
 * data-module-url: URL that returns {stage, text, done, total}
 */
this.ckan.module("ecosphere-harvest-progress", function () {
  "use strict";

  const PAUSE = 2000; // milliseconds

  return {
    initialize: function () {
      this.bar = this.el[0].querySelector("progress");
      this.text = this.el[0].querySelector("[role=status]");
      this.el[0].querySelector("[data-without-script]").hidden = true;
      this.ask();
    },

    ask: function () {
      fetch(this.options.url, { headers: { Accept: "application/json" }, credentials: "same-origin" })
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer)))
        .then((state) => this.show(state))
        .catch(() => null)
        .finally(() => setTimeout(() => this.ask(), PAUSE));
    },

    show: function (state) {
      if (state.stage === "done") {
        window.location.reload();
        return;
      }
      if (!state.text) {
        return;
      }
      this.text.textContent = state.text;
      if (state.total) {
        this.bar.max = state.total;
        this.bar.value = state.done;
      }
    },
  };
});
