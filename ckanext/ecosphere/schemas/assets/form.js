/* The dataset form: pickers with search, rows that are added and removed, dates from a calendar.
 * Without this file everything shows and works: lists are plain check boxes, one empty row stands ready. */
(function () {
  "use strict";

  window.ecosphere = window.ecosphere || {};

  /** Fold a text as the server does: no case, accents or punctuation. */
  function fold(text) {
    return text
      .toLowerCase()
      .replace(/œ/g, "oe")
      .replace(/æ/g, "ae")
      .normalize("NFKD")
      .replace(/[\u0300-\u036f]/g, "")
      .replace(/[^0-9a-z]+/g, " ")
      .trim();
  }

  /** Open every folded part that an element stands in. */
  function reveal(element) {
    for (let parent = element.closest("details"); parent; parent = parent.parentElement.closest("details")) {
      parent.open = true;
    }
  }

  /** Go to the field that an address names, and put the focus where one can type. */
  function goTo(hash) {
    const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target) return;
    reveal(target);
    const typable = target.matches("input, select, textarea") ? target : target.querySelector("input:not([type=hidden]), select, textarea");
    target.scrollIntoView({ block: "start" });
    (typable || target).focus({ preventScroll: true });
  }

  /** What the inputs of a field hold, wherever they stand in the form. */
  function read(form, name) {
    const inputs = Array.from(form.elements).filter((element) => element.name === name && !element.closest("template"));
    return inputs
      .filter((element) => !["checkbox", "radio"].includes(element.type) || element.checked)
      .map((element) => element.value.trim())
      .filter(Boolean);
  }

  /** The same rule as conditions.py on the server. */
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

  /** Whether a part of the form holds something: such a part stays in sight, nothing is sent unseen. */
  function isFilled(part) {
    return Array.from(part.querySelectorAll("input, select, textarea")).some((element) =>
      ["checkbox", "radio"].includes(element.type) ? element.checked : element.type !== "search" && element.value.trim() !== ""
    );
  }

  ckan.module("ecosphere-form", function () {
    return {
      initialize: function () {
        this._conditions();
        window.addEventListener("hashchange", () => goTo(window.location.hash));
        if (!window.location.hash.startsWith("#field-")) return;
        goTo(window.location.hash);
        // The browser's own way to the field, once the page is loaded, takes the focus away again.
        const again = () => {
          const taken = document.activeElement;
          if (taken === document.body || "#" + taken.id === window.location.hash) goTo(window.location.hash);
        };
        const later = () => [50, 300, 1000].forEach((milliseconds) => window.setTimeout(again, milliseconds));
        if (document.readyState === "complete") later();
        else window.addEventListener("load", later);
      },

      /** Show the fields that apply to what is chosen; hide the others as long as they are empty. */
      _conditions: function () {
        const form = this.el[0].closest("form");
        const status = this.el[0].querySelector("[data-when-status]");
        const parts = Array.from(form.querySelectorAll("[data-when]"));
        const update = (event) => {
          const shown = [];
          parts.forEach((part) => {
            const applies = holds(JSON.parse(part.dataset.when), (name) => read(form, name));
            const hide = !applies && !isFilled(part) && !part.querySelector(".error");
            if (part.hidden && !hide) shown.push(part.querySelector("label, legend").firstChild.textContent.trim());
            part.hidden = hide;
          });
          if (event && shown.length) status.textContent = this.options.shown + " " + shown.join(", ");
        };
        form.addEventListener("change", update);
        update();
      },
    };
  });

  ckan.module("ecosphere-errors", function () {
    return {
      initialize: function () {
        const box = this.el[0];
        box.addEventListener("click", (event) => {
          const link = event.target.closest("a[href^='#']");
          if (!link) return;
          event.preventDefault();
          goTo(link.getAttribute("href"));
        });
        box.focus();
      },
    };
  });

  /** Search box over a list of check boxes, with what is chosen repeated above it. */
  ckan.module("ecosphere-picker", function () {
    return {
      initialize: function () {
        const root = this.el[0];
        this.list = root.querySelector("ul");
        this.items = Array.from(this.list.children);
        this.items.forEach((item) => (item.words = fold(item.dataset.terms || item.textContent)));
        const group = root.closest("fieldset");
        const name = group.querySelector("legend").firstChild.textContent.trim();

        this.chosen = document.createElement("ul");
        this.chosen.className = "ecosphere-chosen";
        this.search = document.createElement("input");
        this.search.type = "search";
        this.search.className = "form-control";
        this.search.placeholder = this.options.label;
        this.search.setAttribute("aria-label", this.options.label + " (" + name + ")");
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
          this._filter();
          this._open(this.browse.getAttribute("aria-expanded") === "false");
        });

        this.search.addEventListener("input", () => {
          this._filter();
          this._open(this.search.value.trim() !== "");
        });
        this.search.addEventListener("keydown", (event) => {
          if (event.key === "Enter") event.preventDefault();
          if (event.key === "Escape") {
            this.search.value = "";
            this._filter();
            this._open(false);
          }
        });
        this.list.addEventListener("change", () => this._showChosen());
        this.list.addEventListener("ecosphere:choose", (event) => this._choose(event.detail.uri, event.detail.label));
        if (this.options.suggest) {
          this.search.addEventListener("input", () => {
            clearTimeout(this.timer);
            this.timer = setTimeout(() => this._suggest(), 200);
          });
        }
        this._showChosen();
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
        const model = this.items[0];
        const item = document.createElement("li");
        item.className = "form-check";
        item.dataset.brought = "yes";
        const box = document.createElement("input");
        const text = document.createElement("label");
        box.type = "checkbox";
        box.className = "form-check-input";
        box.name = model.querySelector("input").name;
        box.value = uri;
        box.id = this.list.id + "-" + uri.replace(/[^0-9A-Za-z]+/g, "-");
        text.className = "form-check-label";
        text.htmlFor = box.id;
        text.textContent = label;
        item.append(box, text);
        item.words = fold(label + " " + uri.slice(uri.lastIndexOf("/") + 1));
        this.list.append(item);
        this.items.push(item);
        return box;
      },

      _choose: function (uri, label) {
        this._bring(uri, label).checked = true;
        this._showChosen();
      },

      _open: function (open) {
        this.list.hidden = !open;
        this.browse.setAttribute("aria-expanded", String(open));
      },

      /** Show the entries of which words begin with every word that is typed, and the entries above them. */
      _filter: function () {
        const words = fold(this.search.value).split(" ").filter(Boolean);
        let found = 0;
        let parents = [];
        this.items.forEach((item) => {
          const depth = Number((item.className.match(/ecosphere-depth-(\d)/) || [])[1] || 0);
          parents = parents.slice(0, depth);
          item.hidden = !words.every((word) => (" " + item.words).includes(" " + word));
          if (!item.hidden) {
            found += 1;
            parents.forEach((parent) => (parent.hidden = false));
          }
          parents[depth] = item;
        });
        this.empty.hidden = found > 0;
        this.status.textContent = found ? String(found) : this.options.empty;
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

  /** Rows of a field that holds several values or groups of subfields. */
  ckan.module("ecosphere-rows", function () {
    return {
      initialize: function () {
        const root = this.el[0];
        this.rows = root.querySelector(":scope > [data-rows]");
        this.template = root.querySelector(":scope > template");
        this.add = root.querySelector(":scope > [data-add]");
        this.next = this.rows.children.length;
        this.add.hidden = false;
        this.add.addEventListener("click", () => this._addRow());
        Array.from(this.rows.children).forEach((row) => this._prepare(row));
        this._limit();
      },

      _prepare: function (row) {
        const button = row.querySelector("[data-remove]");
        button.hidden = false;
        button.addEventListener("click", () => {
          const neighbour = row.nextElementSibling || row.previousElementSibling;
          row.remove();
          this._limit();
          ((neighbour && neighbour.querySelector("input:not([type=hidden]), select, textarea")) || this.add).focus();
        });
      },

      _addRow: function () {
        const mark = this.add.dataset.mark;
        const holder = document.createElement("template");
        holder.innerHTML = mark ? this.template.innerHTML.split(mark).join(String(this.next)) : this.template.innerHTML;
        this.next += 1;
        const row = holder.content.firstElementChild;
        this.rows.append(row);
        this._prepare(row);
        row.querySelectorAll("[data-module]").forEach((element) => ckan.module.initializeElement(element));
        this._limit();
        row.querySelector("input:not([type=hidden]), select, textarea").focus();
      },

      /** One row at most where the field says so. */
      _limit: function () {
        this.add.hidden = String(this.options.once) === "true" && this.rows.children.length > 0;
      },
    };
  });

  /** The name of a service of the registry brings its URI along, unless another one is there. */
  ckan.module("ecosphere-service", function () {
    return {
      initialize: function () {
        const input = this.el[0];
        const services = Array.from(document.querySelectorAll("#ecosphere-services option"));
        input.addEventListener("change", () => {
          const uri = document.getElementById(input.id.replace(/name$/, "uri"));
          const brought = services.some((service) => uri && service.dataset.uri === uri.value);
          if (!uri || (uri.value && !brought)) return;
          const chosen = services.find((service) => service.value === input.value.trim());
          uri.value = chosen ? chosen.dataset.uri : "";
        });
      },
    };
  });

  /** A box and the territories of the dataset fill each other. */
  ckan.module("ecosphere-box", function () {
    return {
      initialize: function () {
        const root = this.el[0];
        const input = root.querySelector("input");
        const status = root.querySelector("[data-status]");
        const picker = document.querySelector("#field-territory .ecosphere-choices");
        if (!picker) return;
        root.querySelector(".ecosphere-box-tools").hidden = false;
        const ask = (address) => fetch(address, { headers: { Accept: "application/json" } }).then((answer) => answer.json());
        root.querySelector("[data-fill]").addEventListener("click", () => {
          const uris = Array.from(picker.querySelectorAll("input:checked")).map((box) => "uri=" + encodeURIComponent(box.value));
          if (!uris.length) {
            status.textContent = this.options.none;
            return;
          }
          ask(this.options.box + "?" + uris.join("&")).then((box) => {
            if (box) {
              input.value = box.join(", ");
              input.dispatchEvent(new Event("input"));
            }
            status.textContent = box ? this.options.filled : this.options.none;
          });
        });
        const opener = root.querySelector("[data-map]");
        opener.addEventListener("click", () => {
          let map = root.querySelector(".eco-map");
          if (!map) {
            const holder = document.createElement("template");
            holder.innerHTML = document.getElementById("ecosphere-map").innerHTML.split("MAPINPUT").join(input.id);
            map = holder.content.querySelector(".eco-map");
            root.append(map);
            ckan.module.initializeElement(map);
          } else {
            map.hidden = !map.hidden;
          }
          opener.setAttribute("aria-expanded", String(!map.hidden));
        });
        root.querySelector("[data-find]").addEventListener("click", () => {
          ask(this.options.places + "?bbox=" + encodeURIComponent(input.value)).then((found) => {
            status.textContent = found.length ? this.options.found + " " + found[0].label : this.options.nothing;
            if (found.length) picker.dispatchEvent(new CustomEvent("ecosphere:choose", { detail: found[0] }));
          });
        });
      },
    };
  });

  /** Calendar button beside a text input that also takes a month or a year. */
  ckan.module("ecosphere-date", function () {
    return {
      initialize: function () {
        const text = this.el[0].querySelector("input");
        const native = document.createElement("input");
        if (!("showPicker" in native)) return;
        native.type = "date";
        native.className = "ecosphere-date-native";
        native.tabIndex = -1;
        native.setAttribute("aria-hidden", "true");
        const button = document.createElement("button");
        button.type = "button";
        button.className = "btn btn-outline-secondary";
        button.innerHTML = '<i class="fa fa-calendar" aria-hidden="true"></i>';
        button.setAttribute("aria-label", this.options.label);
        button.addEventListener("click", () => {
          native.value = /^\d{4}-\d{2}-\d{2}$/.test(text.value) ? text.value : "";
          native.showPicker();
        });
        native.addEventListener("change", () => {
          text.value = native.value;
          text.focus();
        });
        this.el[0].append(native, button);
      },
    };
  });
})();
