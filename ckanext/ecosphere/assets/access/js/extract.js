/*
 * Reload the page of an extract when its file is ready.
 *
 * data-module-url: URL that returns {state}
 */
this.ckan.module("ecosphere-extract", function () {
  "use strict";

  const PAUSE = 2000; // milliseconds

  return {
    initialize: function () {
      const look = async () => {
        try {
          const answer = await fetch(this.options.url, { credentials: "same-origin" });
          if (answer.ok && (await answer.json()).state !== "wanted") { window.location.reload(); return; }
        } catch (error) { /* the next look may succeed */ }
        window.setTimeout(look, PAUSE);
      };
      window.setTimeout(look, PAUSE);
    }
  };
});

/*
 * Checkboxes for the attributes of a layer, read from its preview, which is requested if it does not exist yet.
 *
 * data-module-url: URL of the preview
 */
this.ckan.module("ecosphere-attributes", function () {
  "use strict";

  const PAUSE = 1500; // milliseconds
  const MOST_LOOKS = 60;

  return {
    initialize: function () {
      this.root = this.el[0];
      this.root.hidden = false;
      this.ask().then((sample) => this.show(sample), () => this.show(null));
    },

    ask: async function () {
      for (let look = 0; look < MOST_LOOKS; look += 1) {
        const found = await (await fetch(this.options.url, { credentials: "same-origin" })).json();
        if (found.kind) { return found; }
        if (found.state === "broken" && look) { return null; }
        if (found.state === "none" || found.state === "broken") {
          const sent = await fetch(this.options.url, { method: "POST", headers: this.token(), credentials: "same-origin" });
          if (!sent.ok) { return null; }
        }
        await new Promise((done) => window.setTimeout(done, PAUSE));
      }
      return null;
    },

    token: function () {
      const name = document.querySelector("meta[name=csrf_field_name]");
      const value = name && document.querySelector("meta[name='" + name.content + "']");
      return value ? { "X-CSRFToken": value.content } : {};
    },

    show: function (sample) {
      const columns = (sample && sample.columns) || [];
      this.root.querySelector("[data-waiting]").hidden = true;
      this.root.querySelector(columns.length ? "[data-ready]" : "[data-failed]").hidden = false;
      columns.forEach((column, number) => {
        const line = document.createElement("div"), box = document.createElement("input"), label = document.createElement("label");
        line.className = "form-check" + (column.meaning ? "" : " form-check-inline");
        Object.assign(box, { className: "form-check-input", type: "checkbox", id: "attribute-" + number, name: "attributes", value: column.name });
        Object.assign(label, { className: "form-check-label", htmlFor: box.id, textContent: column.name });
        if (column.meaning) {
          const words = document.createElement("span");
          words.className = "form-text";
          words.textContent = column.meaning[document.documentElement.lang] || column.meaning.en;
          label.append(" ", words);
        }
        line.append(box, label);
        this.root.append(line);
      });
    }
  };
});
