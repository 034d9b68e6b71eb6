/* The dataset form: names of datasets of the portal, proposed by their titles while one types. */
(function () {
  "use strict";

  ckan.module("ecosphere-datasets", function () {
    return {
      initialize: function () {
        const list = this.el[0];
        this.turn = 0;
        list.parentElement.addEventListener("input", (event) => {
          const text = event.target.value.trim();
          clearTimeout(this.timer);
          if (text.length < 2 || Array.from(list.options).some((option) => option.value === text)) return;
          this.timer = setTimeout(() => this._ask(text), 200);
        });
      },

      _ask: function (text) {
        const turn = ++this.turn;
        fetch(this.options.address + "?limit=20&q=" + encodeURIComponent(text), { headers: { Accept: "application/json" } })
          .then((answer) => (answer.ok ? answer.json() : { result: [] }))
          .then((answer) => {
            // A slow answer to what was typed before must not take the place of this one.
            if (turn !== this.turn) return;
            this.el[0].replaceChildren(...answer.result.map((dataset) => new Option(dataset.title, dataset.name)));
          })
          .catch(() => {});
      },
    };
  });
})();
