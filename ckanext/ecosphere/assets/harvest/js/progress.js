/*
 * How far a job has come, asked for every two seconds; the page is loaded anew when it is over.
 *
 * data-module-url:       address that answers {stage, announced, received, waiting, left}
 * data-module-reading:   "{done} of {total} records read"
 * data-module-importing: "{done} of {total} changed records imported"
 */
this.ckan.module("ecosphere-harvest-progress", function () {
  "use strict";

  const PAUSE = 2000; // milliseconds

  return {
    initialize: function () {
      this.bar = this.el[0].querySelector("progress");
      this.text = this.el[0].querySelector("[role=status]");
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
      if (state.received === undefined) {
        return;
      }
      const reading = state.stage === "gather";
      const total = reading ? state.announced : state.waiting;
      const done = reading ? state.received : state.waiting - state.left;
      const sentence = reading ? this.options.reading : this.options.importing;
      this.text.textContent = sentence.replace("{done}", done).replace("{total}", total || "?");
      if (total) {
        this.bar.max = total;
        this.bar.value = done;
      }
    },
  };
});
