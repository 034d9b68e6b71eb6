/* The resource form: the portal reads the service behind an address, and fills in the form. */
(function () {
  "use strict";

  const { entries } = window.ecosphere.form;
  const LOOKS = 30;
  const EPSG = "http://www.opengis.net/def/crs/EPSG/0/";

  ckan.module("ecosphere-service-reader", function () {
    return {
      initialize: function () {
        const box = this.el[0];
        this.form = box.closest("form");
        this.kinds = typeof this.options.kinds === "string" ? JSON.parse(this.options.kinds) : this.options.kinds;
        this.status = box.querySelector("[role=status]");
        this.own = new Map(); // what this script wrote, by input: such a value may be replaced
        this.turn = 0;
        const url = this.form.elements.url;
        const holder = url && url.closest(".form-group");
        if (!holder) return;
        holder.after(box);
        url.addEventListener("input", () => {
          window.clearTimeout(this.timer);
          this.timer = window.setTimeout(() => this._read(url.value.trim()), 600);
        });
        url.addEventListener("change", () => this._read(url.value.trim()));
      },

      _read: async function (address) {
        if (address === this.asked) return;
        this.asked = address;
        const turn = ++this.turn;
        this._clear();
        if (!/^https?:\/\/[^\s]+\.?[^\s]+/.test(address)) return;
        for (let look = 0; look < LOOKS && turn === this.turn; look += 1) {
          const found = await this._ask(address);
          if (turn !== this.turn || !found) return;
          if (found.state !== "unread") return this._show(found);
          this._say(this.options.reading);
          await new Promise((done) => window.setTimeout(done, look < 5 ? 800 : 3000));
        }
        if (turn === this.turn) this._say(this.options.late);
      },

      /** Return what is known of the service, or null if the address is not that of a service. */
      _ask: async function (address) {
        const name = document.querySelector("meta[name=csrf_field_name]");
        const token = name && document.querySelector("meta[name='" + name.content + "']");
        try {
          const answer = await fetch(this.options.address, {
            method: "POST",
            credentials: "same-origin",
            headers: { "Content-Type": "application/json", ...(token ? { "X-CSRFToken": token.content } : {}) },
            body: JSON.stringify({ url: address }),
          });
          return answer.ok ? (await answer.json()).result : null;
        } catch (error) {
          return null;
        }
      },

      _clear: function () {
        this.el[0].hidden = true;
        this.el[0].querySelectorAll("label, select, .ecosphere-service-filled").forEach((part) => part.remove());
      },

      _say: function (text) {
        this.el[0].hidden = false;
        this.status.textContent = text;
      },

      _show: function (service) {
        const box = this.el[0];
        this._say(service.label + (service.title ? " – " + service.title : "") + (service.trouble ? " – " + service.trouble : ""));
        const filled = document.createElement("p");
        filled.className = "ecosphere-service-filled form-text";
        filled.setAttribute("role", "status");
        if (service.layers.length > 1) {
          const label = document.createElement("label");
          const select = document.createElement("select");
          label.className = "form-label";
          label.htmlFor = select.id = "ecosphere-service-layer";
          label.textContent = this.options.layer;
          select.className = "form-select";
          select.append(new Option(this.options.whole, ""));
          service.layers.forEach((layer, number) => {
            const text = layer.title && layer.title !== layer.name ? layer.title + " (" + layer.name + ")" : layer.name;
            select.append(new Option(text, String(number)));
          });
          const asked = service.layers.findIndex((layer) => service.asked && layer.name === service.asked);
          if (asked >= 0) select.value = String(asked);
          select.addEventListener("change", () => this._fill(service, service.layers[select.value], filled));
          box.append(label, select);
          box.append(filled);
          this._fill(service, service.layers[asked], filled);
        } else {
          box.append(filled);
          this._fill(service, service.layers[0], filled);
        }
      },

      _fill: async function (service, layer, told) {
        const kind = this.kinds[service.kind] || {};
        const title = layer ? layer.title || layer.name : service.title;
        const done = [
          this._write("field-format", kind.format),
          this._write("field-protocol", kind.protocol),
          this._write("field-name", title ? title + " (" + service.label + ")" : ""),
          this._write("field-description", layer ? layer.abstract : service.abstract),
          kind.resource_of === "layer" ? this._layer(layer ? layer.name : "") : "",
          layer ? await this._crs(layer.crs) : "",
        ].filter(Boolean);
        told.textContent = done.length ? this.options.filled + " " + done.join(", ") : this.options.nothing;
      },

      /** Fill in an input that is empty, or that this script filled in; return the label of the field. */
      _write: function (id, value) {
        const input = document.getElementById(id);
        if (!input || !value || input.value === value) return "";
        if (input.value.trim() && this.own.get(input) !== input.value) return "";
        input.value = value;
        if (input.value !== value) return ""; // a list that does not have it
        this.own.set(input, value);
        input.dispatchEvent(new Event("change", { bubbles: true }));
        return this._label(input);
      },

      _layer: function (name) {
        const input = this.form.querySelector("#field-layer_name input[name=layer_name]");
        if (!input || !name) return "";
        if (input.value.trim() && this.own.get(input) !== input.value) return "";
        input.value = name;
        this.own.set(input, name);
        input.dispatchEvent(new Event("change", { bubbles: true }));
        return this._label(input);
      },

      /** The first coordinate system of the layer that the list has, unless one is chosen. */
      _crs: async function (codes) {
        const list = this.form.querySelector("#field-reference_system .ecosphere-choices");
        if (!list || list.querySelector("input:checked")) return "";
        const source = list.parentElement.dataset.moduleList;
        const known = source ? await entries(source).catch(() => []) : [];
        for (const code of codes) {
          const uri = EPSG + code.replace("EPSG:", "");
          const entry = known.find((each) => each.value === uri);
          if (entry) {
            list.dispatchEvent(new CustomEvent("ecosphere:choose", { detail: { uri, label: entry.label } }));
            list.dispatchEvent(new Event("change", { bubbles: true }));
            return this._label(list);
          }
        }
        return "";
      },

      _label: function (input) {
        const group = input.closest("fieldset") || input.closest(".form-group");
        const label = group && group.querySelector("legend, label");
        return label ? label.firstChild.textContent.trim() : "";
      },
    };
  });
})();
