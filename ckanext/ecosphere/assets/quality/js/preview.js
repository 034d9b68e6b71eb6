/* Live quality of the dataset form, computed by the server (the only scorer) shortly after the last change. */
"use strict";

ckan.module("ecosphere-quality-preview", function () {
  const PAUSE = 700; // milliseconds without a change before asking

  return {
    options: { url: null },

    initialize: function () {
      const panel = this.el[0];
      this.form = document.getElementById("dataset-edit");
      this.content = panel.querySelector("[data-quality-content]");
      this.status = panel.querySelector("[data-quality-status]");
      if (!this.form || !this.options.url) { return; }
      const later = () => {
        window.clearTimeout(this.timer);
        this.timer = window.setTimeout(() => this.ask(), PAUSE);
      };
      this.form.addEventListener("input", later);
      this.form.addEventListener("change", later);
      // Widgets that replace inputs trigger their change events through jQuery only.
      window.jQuery(this.form).on("change", later);
      // An update may shift the elements below: defer it while the pointer is pressed, or the click would be lost.
      document.addEventListener("pointerdown", () => { this.pressed = true; }, true);
      for (const released of ["pointerup", "pointercancel"]) {
        document.addEventListener(released, () => window.setTimeout(() => this.release()), true);
      }
    },

    release: function () {
      this.pressed = false;
      if (this.waiting) { this.show(this.waiting); }
    },

    ask: async function () {
      if (this.request) { this.request.abort(); }
      this.request = new AbortController();
      const fields = new FormData(this.form);
      for (const [name, value] of Array.from(fields.entries())) {
        if (value instanceof File) { fields.delete(name); }
      }
      try {
        const answer = await fetch(this.options.url, {
          method: "POST", body: fields, credentials: "same-origin", signal: this.request.signal
        });
        if (!answer.ok) { return; }
        this.show(await answer.text());
      } catch (error) {
        if (error.name !== "AbortError") { this.content.setAttribute("data-stale", ""); }
      }
    },

    show: function (html) {
      this.waiting = this.pressed ? html : null;
      if (this.pressed) { return; }
      // Keep the keyboard focus on the same advice.
      const active = document.activeElement;
      const held = this.content.contains(active) ? active.getAttribute("href") : null;
      this.content.innerHTML = html;
      this.content.removeAttribute("data-stale");
      if (held) {
        const links = Array.from(this.content.querySelectorAll("a"));
        const same = links.find((link) => link.getAttribute("href") === held);
        (same || links[0])?.focus();
      }
      const sentence = this.content.querySelector("[data-quality-sentence]");
      if (sentence) { this.status.textContent = sentence.textContent.trim(); }
    }
  };
});
