/*
 * Preview of the data of a dataset: map of a service or sample, table, document. Loaded after the page.
 *
 * data-module-panel: result of `ecosphere_access_panel`
 */
this.ckan.module("ecosphere-preview", function () {
  "use strict";

  const ASKED_AGAIN = 1500; // milliseconds between two looks at a preview that is being made
  const MOST_LOOKS = 80;
  const MOST_DRAWINGS = 8; // of a tile, while the portal draws as many as it can
  const BUSY = 503;

  return {
    initialize: function () {
      this.root = this.el[0];
      this.panel = this.options.panel;
      this.labels = this.panel.labels;
      this.find = (name) => this.root.querySelector(".eco-preview__" + name);
      this.choice = this.root.querySelector("#eco-preview-resource");
      this.layerChoice = this.root.querySelector("#eco-preview-layer");
      // With a single resource there is nothing to choose.
      this.find("resource").hidden = this.panel.resources.length < 2;
      this.find("choice").hidden = false;
      this.choice.addEventListener("change", () => this.show());
      this.layerChoice.addEventListener("change", () => this.tiles());
      this.asked = 0;
      this.show();
    },

    say: function (text) {
      this.find("status").textContent = text || "";
    },

    show: function () {
      this.current = this.panel.resources[Number(this.choice.value) || 0];
      this.asked += 1;
      ["table", "document"].forEach((name) => { this.find(name).replaceChildren(); this.find(name).hidden = true; });
      this.find("layer").hidden = true;
      if (this.layer) { this.layer.remove(); this.layer = null; }
      this.say(this.current.trouble);
      if (this.current.way === "tiles") {
        const layers = this.current.layers;
        this.layerChoice.replaceChildren(...layers.map((each, number) => new Option(each.title, number)));
        this.find("layer").hidden = layers.length < 2;
        this.tiles();
      } else if (this.current.way === "sample") {
        this.hideMap();
        this.sample();
      } else {
        this.hideMap();
        this.inline();
      }
    },

    hideMap: function () {
      this.find("map").hidden = true;
    },

    map: function () {
      if (typeof L === "undefined") { return null; }
      this.find("map").hidden = false;
      if (this.leaflet) { this.leaflet.invalidateSize(); return this.leaflet; }
      const map = L.map(this.find("map"), {
        zoomControl: false, minZoom: 2, maxZoom: 18, worldCopyJump: true,
        zoomAnimation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches
      });
      L.control.zoom({ zoomInTitle: this.labels.zoom_in, zoomOutTitle: this.labels.zoom_out }).addTo(map);
      map.attributionControl.setPrefix("");
      map.on("click", (event) => map.panTo(event.latlng)); // without dragging (WCAG 2.2, 2.5.7)
      map.createPane("outline").style.zIndex = 150; // under the tiles of the background map and of a service
      this.panel.outline.forEach((path) => {
        const rings = path.split("M").filter(Boolean).map((ring) => ring.replace("Z", "").split(/[L ]/).reduce((points, value, place, all) => {
          if (place % 2) { points.push([Number(value), Number(all[place - 1])]); }
          return points;
        }, []));
        L.polygon(rings, { pane: "outline", className: "eco-preview__land", color: "#84918a", weight: 1, fillColor: "#fff", fillOpacity: 1, interactive: false }).addTo(map);
      });
      if (this.panel.background.tiles) {
        const credit = document.createElement("span");
        credit.textContent = this.panel.background.credit;
        L.tileLayer(this.panel.background.tiles, { attribution: credit.innerHTML }).addTo(map);
      }
      this.leaflet = map;
      this.fit(this.panel.extent);
      return map;
    },

    fit: function (extent) {
      const box = extent || [-5.2, 41.3, 9.6, 51.1];
      this.leaflet.fitBounds([[box[1], box[0]], [box[3], box[2]]], { maxZoom: 16, animate: false });
    },

    tiles: function () {
      const map = this.map();
      if (!map) { return; }
      this.find("map").classList.add("eco-preview__map--tiles");
      if (this.layer) { this.layer.remove(); }
      const chosen = this.current.layers[Number(this.layerChoice.value) || 0];
      const asked = this.asked;
      this.told = false;
      this.fit(chosen.extent || this.panel.extent);
      this.layer = L.tileLayer(this.current.tiles + "/{z}/{x}/{y}?couche=" + encodeURIComponent(chosen.name), { className: "eco-preview__tile" });
      this.layer.on("tileerror", (event) => this.explain(event.tile, asked));
      this.layer.addTo(map);
    },

    /* Image elements do not expose why they failed: fetch the tile again for the error message. Retry while the server
     * is busy. */
    explain: async function (tile, asked) {
      const url = tile.src;
      try {
        for (let look = 1; !this.told && asked === this.asked && tile.isConnected; look += 1) {
          const answer = await fetch(url, { credentials: "same-origin" });
          if (answer.ok && !tile.drawnAgain) {
            tile.drawnAgain = true;
            tile.src = url;
            return;
          }
          if (answer.status !== BUSY || look === MOST_DRAWINGS) {
            const told = answer.ok ? "" : (await answer.json()).message;
            this.fail(told || this.labels.failed, asked);
            return;
          }
          await new Promise((done) => window.setTimeout(done, 1000 * look * (0.5 + Math.random())));
        }
      } catch (error) {
        this.fail(this.labels.failed, asked);
      }
    },

    fail: function (text, asked) {
      if (this.told || asked !== this.asked) { return; }
      this.told = true;
      this.say(text);
    },

    token: function () {
      const name = document.querySelector("meta[name=csrf_field_name]");
      const value = name && document.querySelector("meta[name='" + name.content + "']");
      return value ? { "X-CSRFToken": value.content } : {};
    },

    sample: async function () {
      const asked = this.asked;
      this.say(this.labels.loading);
      try {
        for (let look = 0; look < MOST_LOOKS && asked === this.asked; look += 1) {
          const answer = await fetch(this.current.url, { credentials: "same-origin" });
          const found = await answer.json();
          if (asked !== this.asked) { return; }
          if (found.kind) { this.drawSample(found); return; }
          if (found.state === "broken" && look) { this.say(found.message); return; }
          if (found.state === "none" || found.state === "broken") {
            const sent = await fetch(this.current.url, { method: "POST", headers: this.token(), credentials: "same-origin" });
            const told = await sent.json();
            if (!sent.ok) { this.say(told.message || this.labels.failed); return; }
          }
          this.say(this.labels.wanted);
          await new Promise((done) => window.setTimeout(done, look ? ASKED_AGAIN : 400));
        }
      } catch (error) {
        if (asked === this.asked) { this.say(this.labels.failed); }
      }
    },

    drawSample: function (sample) {
      this.find("map").classList.toggle("eco-preview__map--tiles", Boolean(this.panel.background.tiles));
      const notes = [];
      if (sample.attributes) {
        notes.push(this.labels.attributes);
        const named = (column) => Object.assign({}, column, { id: column.name, name: this.labels["attribute_" + column.name] || column.name });
        sample = Object.assign({}, sample, { columns: sample.columns.map(named) });
      }
      sample = this.inWords(sample);
      if (sample.standard) { notes.push(this.labels.standard.replace("{standard}", sample.standard)); }
      if (sample.part) { notes.push(this.part(sample)); }
      if (sample.cut && sample.rows && !(sample.part && (sample.known_total || sample.file_size || sample.page))) { notes.push(this.cut(sample)); }
      if (sample.delimiter) {
        const sign = sample.delimiter === "\t" ? this.labels.tab : sample.delimiter;
        notes.push(this.labels.encoding.replace("{encoding}", sample.encoding).replace("{delimiter}", sign));
      }
      this.say([this.current.trouble].concat(notes).filter(Boolean).join(" "));
      let table = null;
      if (sample.columns && sample.columns.length) {
        this.find("table").hidden = false;
        table = window.ckan.ecosphereTable(this.find("table"), sample, this.labels);
      }
      if (sample.kind === "text") {
        const pre = document.createElement("pre");
        pre.tabIndex = 0;
        pre.textContent = sample.text;
        this.find("document").hidden = false;
        this.find("document").append(pre);
      }
      if (sample.geojson && this.map()) {
        this.fit(sample.extent);
        this.layer = L.geoJSON(sample.geojson, {
          className: "eco-preview__feature",
          style: { color: "#0d5c49", weight: 2, fillOpacity: 0.3 },
          pointToLayer: (feature, place) => L.circleMarker(place, { className: "eco-preview__feature", radius: 5, color: "#0d5c49", weight: 2, fillOpacity: 0.5 }),
          onEachFeature: (feature, layer) => {
            layer.on("click", () => table && table.mark(feature.id));
            layer.bindPopup(() => this.popup(sample, feature.id), { maxHeight: 240 });
          }
        }).addTo(this.leaflet);
      }
    },

    /* Translate booleans (Parquet, JSON, GeoPackage) and types of attributes into the language of the page. */
    inWords: function (sample) {
      const booleans = new Map([["true", this.labels.yes], ["false", this.labels.no]]);
      const types = new Map(Object.entries(this.labels.attribute_types));
      const said = (sample.columns || []).map((column) =>
        column.type === "boolean" ? booleans : sample.attributes && column.id === "type" ? types : null);
      if (!said.some(Boolean)) { return sample; }
      const word = (cell, words) => words.get(String(cell).toLowerCase()) || cell;
      const rows = sample.rows.map((cells) => cells.map((cell, place) => said[place] ? word(cell, said[place]) : cell));
      return Object.assign({}, sample, { rows });
    },

    /* Format a number in the language of the page: "1 000". */
    written: function (number) {
      return number.toLocaleString(document.documentElement.lang || "en");
    },

    /* Sentence on how many rows of a file are shown, with their total if it is known. */
    cut: function (sample) {
      const isCounted = !sample.part && sample.total > sample.rows.length;
      return this.labels[isCounted ? "cut_of" : "cut"]
        .replace("{number}", this.written(sample.rows.length)).replace("{total}", this.written(sample.total || 0));
    },

    /* Sentence on how much of a large file is shown, with the total or the size of the file if known. */
    part: function (sample) {
      const isMap = sample.kind === "map";
      if (sample.page) {
        return this.labels[sample.known_total ? "page_features" : "page"]
          .replace("{number}", this.written(sample.rows.length)).replace("{total}", this.written(sample.known_total || 0));
      }
      if (sample.known_total) {
        return this.labels[isMap ? "part_features" : "part_rows"]
          .replace("{number}", this.written(sample.rows.length)).replace("{total}", this.written(sample.known_total));
      }
      if (!sample.file_size) { return this.labels.part; }
      return this.labels[!sample.rows ? "part_of" : isMap ? "features_of" : "rows_of"]
        .replace("{number}", sample.rows ? this.written(sample.rows.length) : "").replace("{size}", this.size(sample.file_size));
    },

    /* Format a number of bytes: "350 Mo". */
    size: function (bytes) {
      const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
      const step = Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), units.length - 1);
      const asked = { style: "unit", unit: units[step], maximumSignificantDigits: 3 };
      return (bytes / 1024 ** step).toLocaleString(document.documentElement.lang || "en", asked);
    },

    popup: function (sample, number) {
      const list = document.createElement("dl");
      sample.columns.slice(0, 20).forEach((column, place) => {
        const name = document.createElement("dt"), value = document.createElement("dd");
        name.textContent = column.name;
        value.textContent = sample.rows[number][place];
        list.append(name, value);
      });
      return list;
    },

    inline: async function () {
      const place = this.find("document"), asked = this.asked;
      this.say(this.labels.loading);
      try {
        const answer = await fetch(this.current.url, { credentials: "same-origin" });
        if (asked !== this.asked) { return; }
        const type = answer.headers.get("Content-Type") || "";
        if (!answer.ok) { this.say((await answer.json()).message || this.labels.failed); return; }
        const shown = document.createElement(type.startsWith("image/") ? "img" : "iframe");
        shown.src = this.current.url;
        shown[type.startsWith("image/") ? "alt" : "title"] = this.current.title;
        place.append(shown);
        place.hidden = false;
        this.say(this.current.trouble);
      } catch (error) {
        if (asked === this.asked) { this.say(this.labels.failed); }
      }
    }
  };
});
