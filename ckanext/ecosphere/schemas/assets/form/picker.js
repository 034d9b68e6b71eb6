/* The dataset form: pickers with search. */
(function () {
  "use strict";

  const { entries, fold } = window.ecosphere.form;

  /** The words of an entry: those of its labels, and after each "|" another usual word or phrase. */
  const phrases = (terms) => terms.split("|").map((phrase) => " " + fold(phrase));

  /** Return whether one phrase of an entry has words that begin with each of the given ones. */
  const fits = (item, words) => item.phrases.some((phrase) => words.every((word) => phrase.includes(" " + word)));

  /** Search box over a list of check boxes, with what is chosen repeated above it. The page may hold the chosen entries only. */
  ckan.module("ecosphere-picker", function () {
    return {
      initialize: function () {
        const root = this.el[0];
        this.list = root.querySelector("ul");
        this.items = Array.from(this.list.children);
        this.items.forEach((item) => (item.phrases = phrases(item.dataset.terms || item.textContent)));
        const group = root.closest("fieldset");
        const name = group.querySelector("legend").firstChild.textContent.trim();

        this.chosen = document.createElement("ul");
        this.chosen.className = "ecosphere-chosen";
        this.search = document.createElement("input");
        this.search.type = "search";
        this.search.className = "form-control";
        this.search.placeholder = this.options.label;
        this.search.setAttribute("aria-label", this.options.label + " (" + name + ")");
        ["aria-describedby", "aria-invalid"].forEach((about) => {
          if (group.hasAttribute(about)) this.search.setAttribute(about, group.getAttribute(about));
        });
        this.status = document.createElement("p");
        this.status.className = "visually-hidden";
        this.status.setAttribute("role", "status");
        this.empty = document.createElement("p");
        this.empty.textContent = this.options.empty;
        this.empty.hidden = true;
        this.browse = document.createElement("button");
        this.browse.type = "button";
        this.browse.className = "btn btn-outline-secondary";
        this.browse.textContent = this.options.browse;
        this.list.id = group.id + "-list";
        this.browse.setAttribute("aria-controls", this.list.id);
        const bar = document.createElement("div");
        bar.className = "ecosphere-picker-bar";
        bar.append(this.search, this.browse);
        this.list.before(this.chosen, bar, this.status);
        this.list.after(this.empty);
        this._open(false);
        this.browse.addEventListener("click", () => {
          this.search.value = "";
          this._whenComplete(() => {
            this._filter();
            this._open(this.browse.getAttribute("aria-expanded") === "false");
          });
        });

        this.search.addEventListener("focus", () => this._whenComplete(() => {}));
        this.search.addEventListener("input", () => {
          this._whenComplete(() => {
            this._filter();
            this._open(this.search.value.trim() !== "");
          });
        });
        this.search.addEventListener("keydown", (event) => {
          if (event.key === "Enter") event.preventDefault();
          if (event.key === "Escape") this._close();
          if (event.key === "ArrowDown") {
            event.preventDefault();
            this._whenComplete(() => {
              this._open(true);
              this._step(0);
            });
          }
        });
        this.list.addEventListener("keydown", (event) => {
          if (event.key === "Escape") {
            this._close();
            this.search.focus();
          }
          if (!["ArrowDown", "ArrowUp"].includes(event.key)) return;
          event.preventDefault();
          this._step(event.key === "ArrowDown" ? 1 : -1);
        });
        this.list.addEventListener("change", () => this._showChosen());
        this.list.addEventListener("ecosphere:choose", (event) => this._choose(event.detail.uri, event.detail.label));
        if (this.options.suggest) {
          this.search.addEventListener("input", () => {
            clearTimeout(this.timer);
            this.timer = setTimeout(() => this._suggest(), 200);
          });
        }
        if (this.options.list) entries(this.options.list).catch(() => {}); // keys that follow each other find it there
        this._showChosen();
      },

      /** Do something once the list has the entries that the page leaves out; they are added on its first use. */
      _whenComplete: function (act) {
        if (!this.options.list) {
          act();
          return;
        }
        this.loading = this.loading || entries(this.options.list).then((found) => this._complete(found));
        this.loading.then(act).catch(() => {
          this.loading = null;
          this._tell(this.options.failed);
        });
      },

      /** Add entries in the order of their list, around those that the page has. */
      _complete: function (found) {
        const held = new Map(this.items.map((item) => [item.querySelector("input").value, item]));
        const listed = found.map((entry) => {
          const item = held.get(entry.value) || this._item(entry.value, entry.label);
          held.delete(entry.value);
          item.className = "form-check ecosphere-depth-" + entry.depth;
          item.phrases = phrases(entry.terms);
          return item;
        });
        this.items = [...listed, ...held.values()];
        this.list.append(...this.items);
      },

      _tell: function (text) {
        this.empty.textContent = text;
        this.empty.hidden = false;
        this.status.textContent = text;
      },

      /** Ask the server for entries that the page does not hold; an older answer never replaces a newer one. */
      _suggest: function () {
        const text = this.search.value.trim();
        if (text.length < 2) return;
        fetch(this.options.suggest + "?q=" + encodeURIComponent(text), { headers: { Accept: "application/json" } })
          .then((answer) => (answer.ok ? answer.json() : []))
          .then((found) => {
            if (this.search.value.trim() !== text) return;
            this.items.filter((item) => item.dataset.brought && !item.querySelector("input").checked).forEach((item) => item.remove());
            this.items = Array.from(this.list.children);
            found.forEach((place) => this._bring(place.uri, place.label));
            this._filter();
          })
          .catch(() => {});
      },

      /** Add an entry unless the list has it; return its check box. */
      _bring: function (uri, label) {
        const known = this.items.find((item) => item.querySelector("input").value === uri);
        if (known) return known.querySelector("input");
        const item = this._item(uri, label);
        item.dataset.brought = "yes";
        item.phrases = phrases(label + " " + uri.slice(uri.lastIndexOf("/") + 1));
        this.list.append(item);
        this.items.push(item);
        return item.querySelector("input");
      },

      _item: function (value, label) {
        const item = document.createElement("li");
        item.className = "form-check";
        const box = document.createElement("input");
        const text = document.createElement("label");
        box.type = "checkbox";
        box.className = "form-check-input";
        box.name = this.options.name;
        box.value = value;
        box.id = this.list.id + "-" + value.replace(/[^0-9A-Za-z]+/g, "-");
        text.className = "form-check-label";
        text.htmlFor = box.id;
        text.textContent = label;
        item.append(box, text);
        return item;
      },

      _choose: function (uri, label) {
        this._bring(uri, label).checked = true;
        this._showChosen();
      },

      /** Move among the entries that fit what is typed: 0 to the first one; up from the first one, back to the search. */
      _step: function (by) {
        const boxes = this.items.filter((item) => item.fits !== false).map((item) => item.querySelector("input"));
        const place = by ? boxes.indexOf(document.activeElement) + by : 0;
        if (place < 0) this.search.focus();
        else if (boxes[place]) boxes[place].focus();
      },

      _close: function () {
        this.search.value = "";
        this._filter();
        this._open(false);
      },

      _open: function (open) {
        this.list.hidden = !open;
        this.browse.setAttribute("aria-expanded", String(open));
      },

      /** Show the entries of which words begin with every word that is typed, in the singular, and the entries above them. */
      _filter: function () {
        const words = fold(this.search.value)
          .split(" ")
          .filter(Boolean)
          .map((word) => (word.length > 3 ? word.replace(/[sx]$/, "") : word));
        let found = 0;
        let parents = [];
        this.items.forEach((item) => {
          const depth = Number((item.className.match(/ecosphere-depth-(\d)/) || [])[1] || 0);
          parents = parents.slice(0, depth);
          item.fits = fits(item, words);
          item.hidden = !item.fits;
          if (item.fits) {
            found += 1;
            parents.forEach((parent) => (parent.hidden = false));
          }
          parents[depth] = item;
        });
        this._tell(found ? "" : this.options.empty);
        this.empty.hidden = found > 0 || !words.length;
        if (found) this.status.textContent = String(found);
      },

      _showChosen: function () {
        this.chosen.replaceChildren(
          ...this.items
            .filter((item) => item.querySelector("input").checked)
            .map((item) => {
              const button = document.createElement("button");
              const text = item.querySelector("label").textContent.trim();
              button.type = "button";
              button.className = "btn btn-secondary btn-sm";
              button.textContent = text + " ×";
              button.setAttribute("aria-label", this.options.remove + " " + text);
              button.addEventListener("click", () => {
                item.querySelector("input").checked = false;
                this._showChosen();
                this.search.focus();
              });
              const row = document.createElement("li");
              row.append(button);
              return row;
            })
        );
      },
    };
  });
})();
