/* Shows the counts of a study as they come in: states and sentences of needs and datasets, in place. Without a script the
 * page shows what was counted when it was loaded.
 * `url`: of the states as JSON; `left`, `done`, `late`, `share`: sentences. */
"use strict";

ckan.module("ecosphere-study-progress", function () {
  const PAUSE = 3000; // milliseconds between questions
  const LONGEST = 200; // questions

  return {
    options: { url: "", left: "", done: "", late: "", share: "" },

    initialize: function () {
      this.asked = 0;
      this.later();
    },

    later: function () {
      this.waiting = window.setTimeout(() => this.ask(), PAUSE);
    },

    teardown: function () {
      window.clearTimeout(this.waiting);
    },

    ask: async function () {
      this.asked += 1;
      if (this.asked > LONGEST) { this.say(this.options.late); return; }
      if (document.hidden) { this.later(); return; }
      try {
        const answer = await fetch(this.options.url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
        if (!answer.ok) { throw new Error(answer.status); }
        this.show(await answer.json());
      } catch (error) {
        this.later(); // the next question may be answered
      }
    },

    say: function (sentence) {
      // A status is read out when it changes: not each time.
      if (this.el[0].textContent !== sentence) { this.el[0].textContent = sentence; }
    },

    show: function (told) {
      Object.entries(told.needs).forEach(([id, finding]) => {
        const need = document.querySelector('[data-need="' + id + '"]');
        if (!need) { return; }
        this.write(need.querySelector("header"), finding);
        const sentence = need.querySelector(".eco-study-need__sentence[data-sentence]");
        if (sentence) { sentence.textContent = finding.sentence; }
        Object.entries(told.datasets[id]).forEach(([key, of]) => {
          const row = Array.from(need.querySelectorAll("[data-dataset]")).find((each) => each.dataset.dataset === key);
          if (!row || !of.state) { return; }
          this.write(row, of);
          const line = row.querySelector("[data-sentence]");
          if (line) { line.textContent = of.sentence; }
        });
      });
      const share = document.querySelector("[data-share]");
      if (share) {
        share.textContent = this.options.share.replace("{answered}", told.share.answered).replace("{needs}", told.share.needs);
        document.querySelector(".eco-study-share meter").value = told.share.answered;
      }
      if (told.pending < 1) { this.say(this.options.done); return; }
      this.say(this.options.left.replace("{number}", told.pending));
      this.later();
    },

    write: function (place, finding) {
      const mark = place.querySelector("[data-state]");
      if (!mark) { return; }
      mark.className = "eco-study-state eco-study-state--" + finding.state;
      mark.querySelector("[data-label]").textContent = finding.label;
      mark.querySelector("i").className = "fa fa-" + finding.icon;
    }
  };
});
