/* Autosave forms in the browser's local storage until they are saved, and offer to restore them after a crash.
 * Drafts are stored only there, for at most seven days, and are offered only to the account that wrote them; `forget.js`
 * deletes them after a save and after log-out. */
(function () {
  "use strict";

  const PREFIX = "ecosphere:form:";
  const DAYS = 7;
  const PAUSE = 800;
  const LARGEST = 400000;
  const LEFT_OUT = ["save", "modifier", "_ckan_phase", "go"];

  /** Names and values that the form would send, except files, the CSRF token and the fields `except`, which the server
   * sets. */
  function values(form, except) {
    const token = document.querySelector("meta[name=csrf_field_name]");
    const names = LEFT_OUT.concat(token ? [token.content] : [], except);
    return Array.from(new FormData(form)).filter(([name, value]) => typeof value === "string" && !names.includes(name));
  }

  /** What tells two states of a form apart: a field that is hidden, and so not sent, counts as an empty one. */
  function written(pairs) {
    return JSON.stringify(pairs.filter(([, value]) => value !== ""));
  }

  function kept(key) {
    try {
      return JSON.parse(window.localStorage.getItem(key));
    } catch (error) {
      return null;
    }
  }

  // A form may be submitted before the page's modules are initialised.
  document.addEventListener("submit", (event) => {
    const box = event.target.querySelector("[data-module=ecosphere-autosave]");
    const key = box && PREFIX + box.dataset.modulePerson + ":" + box.dataset.moduleKey;
    const draft = box && kept(key);
    if (!draft) return;
    window.localStorage.setItem(key, JSON.stringify(Object.assign(draft, { sent: true })));
  });

  ckan.module("ecosphere-autosave", function () {
    return {
      initialize: function () {
        try {
          window.localStorage.getItem(PREFIX);
        } catch (error) {
          return; // a browser that keeps nothing
        }
        // Modules that hide fields are initialised first.
        window.setTimeout(() => this._watch(), 0);
      },

      _watch: function () {
        const box = this.el[0];
        const form = box.closest("form");
        const key = PREFIX + this.options.person + ":" + this.options.key;
        const tidy = window.ecosphere.forget;
        tidy((name, draft) => name.startsWith(PREFIX + this.options.person + ":") && Date.now() - draft.at < DAYS * 86400000);
        const before = kept(key);
        const except = this.options.except || [];
        const first = written(values(form, except));
        const faulty = document.getElementById("form-errors");
        const taken = window.sessionStorage.getItem(PREFIX) === key; // this form is what was kept
        window.sessionStorage.removeItem(PREFIX);
        if (before && !faulty && !taken && written(before.values) !== first) this._offer(box, form, key, before);
        let timer = 0;
        let leaving = false;
        window.addEventListener("pageshow", () => (leaving = false));
        const keep = (sent) => {
          const now = values(form, except);
          const text = JSON.stringify({ at: Date.now(), sent: sent, values: now });
          if (text.length > LARGEST || (written(now) === first && !sent)) return;
          try {
            window.localStorage.setItem(key, text);
          } catch (error) {
            // Storage is full: keep the previous draft.
          }
        };
        const later = () => {
          if (!box.hidden || leaving) return; // what was kept before is not overwritten while it is offered
          window.clearTimeout(timer);
          timer = window.setTimeout(() => keep(false), PAUSE);
        };
        form.addEventListener("input", later);
        form.addEventListener("change", later);
        form.addEventListener("ecosphere:rows", later);
        form.addEventListener("submit", () => {
          leaving = true; // what comes now must not hide that it was sent
          window.clearTimeout(timer);
          keep(true);
        });
      },

      _offer: function (box, form, key, before) {
        const moment = new Date(before.at);
        const language = document.documentElement.lang || "fr";
        // As in `shared/dates.py`, "en" means European English.
        box.querySelector("[data-moment]").textContent = moment.toLocaleString(language === "en" ? "en-GB" : language, {
          dateStyle: "long",
          timeStyle: "short",
          timeZone: "Europe/Paris",
        });
        form.prepend(box);
        box.hidden = false;
        box.querySelector("[data-forget]").addEventListener("click", () => {
          window.localStorage.removeItem(key);
          box.hidden = true;
          const typable = form.querySelector("input:not([type=hidden]), textarea");
          if (typable) typable.focus();
        });
        box.querySelector("[data-restore]").addEventListener("click", () => {
          window.sessionStorage.setItem(PREFIX, key);
          this._restore(before);
        });
      },

      /** Post the draft to the server, which renders the form with it, including repeated rows and hidden parts. */
      _restore: function (before) {
        const again = document.createElement("form");
        again.method = "post";
        again.action = this.options.action;
        again.hidden = true;
        const add = (name, value) => {
          const input = document.createElement("textarea");
          input.name = name;
          input.value = value;
          again.append(input);
        };
        before.values.forEach(([name, value]) => add(name, value));
        const [, ...parts] = this.options.key.split("/");
        const names = (this.options.parts || "").split(" ").filter(Boolean);
        names.forEach((name, place) => add(name, parts[place]));
        const token = document.querySelector("meta[name=csrf_field_name]");
        const value = token && document.querySelector("meta[name='" + token.content + "']");
        if (value) add(token.content, value.content);
        document.body.append(again);
        again.submit();
      },
    };
  });
})();
