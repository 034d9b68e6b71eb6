/*
 * Suggestions below a text box, following the combobox pattern of the ARIA Authoring Practices: the focus stays in the
 * box, the arrow keys move through the list, Enter follows the chosen suggestion or submits the form, Escape closes the
 * list.
 *
 * data-module-url:   URL that returns {groups: [{title, items: [{label, url, count}]}]}; a suggestion without url is
 *                    written into the box
 * data-module-label: name of the list
 * data-module-hint:  announcement, with {number} for the number of suggestions
 * data-module-none:  announcement if there is no suggestion
 */
this.ckan.module("ecosphere-suggest", function () {
  "use strict";

  const DELAY = 180; // milliseconds without typing before asking
  const SHORTEST = 2;
  let lists = 0;

  return {
    initialize: function () {
      const box = this.el[0];
      this.box = box;
      this.options_ = [];
      this.active = -1;
      this.asked = 0;
      this.leaving = false;
      lists += 1;

      this.list = document.createElement("div");
      this.list.className = "eco-suggest";
      this.list.id = "eco-suggest-" + lists;
      this.list.setAttribute("role", "listbox");
      this.list.setAttribute("aria-label", this.options.label);
      this.list.hidden = true;
      this.status = document.createElement("div");
      this.status.className = "visually-hidden";
      this.status.setAttribute("role", "status");
      const group = box.closest(".input-group") || box;
      group.after(this.list, this.status);
      group.parentElement.classList.add("eco-suggest-place");

      box.setAttribute("role", "combobox");
      box.setAttribute("autocomplete", "off");
      box.setAttribute("aria-autocomplete", "list");
      box.setAttribute("aria-expanded", "false");
      box.setAttribute("aria-controls", this.list.id);

      box.addEventListener("input", () => this.later());
      box.addEventListener("keydown", (event) => this.key(event));
      box.addEventListener("blur", () => window.setTimeout(() => this.close(), 150));
      // CKAN submits the search form when the box changes: prevent this while a suggestion is being followed.
      box.addEventListener("change", (event) => this.leaving && event.stopPropagation());
      this.list.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        if (option) {
          this.take(option);
        }
      });
      // A click on the list must not move the focus out of the box.
      this.list.addEventListener("mousedown", (event) => event.preventDefault());
      // CKAN initialises modules after fetching its translations: the person may already be typing.
      if (document.activeElement === box) {
        this.later();
      }
    },

    later: function () {
      window.clearTimeout(this.timer);
      const text = this.box.value.trim();
      if (text.length < SHORTEST) {
        this.close();
        return;
      }
      this.timer = window.setTimeout(() => this.ask(text), DELAY);
    },

    ask: async function (text) {
      this.asked += 1;
      const turn = this.asked;
      try {
        const answer = await fetch(this.options.url + "?q=" + encodeURIComponent(text), { credentials: "same-origin" });
        if (answer.ok && turn === this.asked && document.activeElement === this.box) {
          this.show((await answer.json()).groups);
        }
      } catch (error) {
        // The search works without suggestions.
        this.close();
      }
    },

    show: function (groups) {
      this.options_ = [];
      this.active = -1;
      this.box.removeAttribute("aria-activedescendant");
      this.list.replaceChildren(...groups.map((group, rank) => this.group(group, rank)));
      const number = this.options_.length;
      this.list.hidden = number === 0;
      this.box.setAttribute("aria-expanded", String(number > 0));
      this.status.textContent = number ? this.options.hint.replace("{number}", number) : this.options.none;
    },

    group: function (group, rank) {
      const part = document.createElement("div");
      const title = document.createElement("div");
      part.setAttribute("role", "group");
      title.className = "eco-suggest__title";
      title.id = this.list.id + "-group-" + rank;
      title.textContent = group.title;
      part.setAttribute("aria-labelledby", title.id);
      part.append(title, ...group.items.map((item) => this.option(item)));
      return part;
    },

    option: function (item) {
      const option = document.createElement(item.url ? "a" : "div");
      if (item.url) {
        option.href = item.url;
      }
      option.className = "eco-suggest__option";
      option.id = this.list.id + "-option-" + this.options_.length;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.tabIndex = -1;
      option.dataset.label = item.label;
      option.append(item.label);
      if (item.count) {
        const count = document.createElement("span");
        count.className = "eco-count";
        count.textContent = item.count;
        option.append(" ", count);
      }
      this.options_.push(option);
      return option;
    },

    key: function (event) {
      if (this.list.hidden) {
        return;
      }
      const moves = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key in moves) {
        event.preventDefault();
        this.move(moves[event.key]);
      } else if (event.key === "Enter" && this.active >= 0) {
        event.preventDefault();
        event.stopPropagation();
        const chosen = this.options_[this.active];
        this.take(chosen);
        if (chosen.href) {
          window.location.assign(chosen.href);
        }
      } else if (event.key === "Escape") {
        event.preventDefault();
        this.close();
      }
    },

    /** Follow the link of a suggestion, or write it into the box if it has none. */
    take: function (option) {
      if (option.href) {
        this.leaving = true;
        return;
      }
      this.box.value = option.dataset.label;
      this.close();
    },

    move: function (step) {
      // One more position than options: past either end, no option is active and the box is.
      const places = this.options_.length + 1;
      this.active = ((this.active + 1 + step + places) % places) - 1;
      this.options_.forEach((option, rank) => option.setAttribute("aria-selected", String(rank === this.active)));
      const chosen = this.options_[this.active];
      if (chosen) {
        this.box.setAttribute("aria-activedescendant", chosen.id);
        chosen.scrollIntoView({ block: "nearest" });
      } else {
        this.box.removeAttribute("aria-activedescendant");
      }
    },

    close: function () {
      window.clearTimeout(this.timer);
      this.asked += 1;
      this.active = -1;
      this.list.hidden = true;
      this.status.textContent = "";
      this.box.setAttribute("aria-expanded", "false");
      this.box.removeAttribute("aria-activedescendant");
    },
  };
});
