/* The dataset form: services of the registry, boxes and territories. */
(function () {
  "use strict";

  const { entries } = window.ecosphere.form;

  /** Choosing a service of the registry fills in its URI, unless another one is entered. */
  ckan.module("ecosphere-service", function () {
    return {
      initialize: function () {
        const input = this.el[0];
        const list = document.getElementById("ecosphere-services");
        let services = [];
        input.addEventListener("focus", () => {
          entries(list.dataset.list).then((found) => {
            services = found;
            if (!list.options.length) list.append(...found.map((service) => new Option(service.label, service.value)));
          }).catch(() => {});
        });
        input.addEventListener("change", () => {
          const uri = document.getElementById(input.id.replace(/name$/, "uri"));
          const brought = services.some((service) => uri && service.terms === uri.value);
          if (!uri || (uri.value && !brought)) return;
          const chosen = services.find((service) => service.value === input.value.trim());
          uri.value = chosen ? chosen.terms : "";
        });
      },
    };
  });

  const MOST_BYTES = 20000000;

  /** West, south, east, north of a GeoJSON document; nothing when it has no coordinates in degrees. */
  function boxOf(document) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    const left = [document];
    while (left.length) {
      const part = left.pop();
      if (!part || typeof part !== "object") continue;
      if (Array.isArray(part) && typeof part[0] === "number") {
        box[0] = Math.min(box[0], part[0]);
        box[1] = Math.min(box[1], part[1]);
        box[2] = Math.max(box[2], part[0]);
        box[3] = Math.max(box[3], part[1]);
      } else if (Array.isArray(part)) part.forEach((each) => left.push(each));
      else ["features", "geometry", "geometries", "coordinates"].forEach((name) => left.push(part[name]));
    }
    const inDegrees = box.every(Number.isFinite) && box[0] >= -180 && box[2] <= 180 && box[1] >= -90 && box[3] <= 90;
    return inDegrees ? box.map((side) => Math.round(side * 1e5) / 1e5) : null;
  }

  /** Keep the bounding box and the territories of the dataset in step. */
  ckan.module("ecosphere-box", function () {
    return {
      initialize: function () {
        const root = this.el[0];
        const input = root.querySelector("input");
        const status = root.querySelector("[data-status]");
        const picker = document.querySelector("#field-territory .ecosphere-choices");
        if (!picker) return;
        root.querySelectorAll(".ecosphere-box-tools, .ecosphere-box-epci").forEach((tools) => { tools.hidden = false; });
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
        const file = document.createElement("input"); // without a name: it is not sent
        file.type = "file";
        file.accept = ".geojson,.json,application/geo+json";
        root.querySelector("[data-file]").addEventListener("click", () => file.click());
        file.addEventListener("change", async () => {
          const chosen = file.files[0];
          let box = null;
          try {
            if (chosen && chosen.size <= MOST_BYTES) box = boxOf(JSON.parse(await chosen.text()));
          } catch (error) {
            box = null;
          }
          file.value = "";
          if (box) {
            input.value = box.join(", ");
            ["input", "change"].forEach((name) => input.dispatchEvent(new Event(name, { bubbles: true })));
          }
          status.textContent = box ? this.options.measured : this.options.unusable;
        });
        const opener = root.querySelector("[data-map]");
        const drawn = () => {
          let map = root.querySelector(".eco-map");
          if (!map) {
            const holder = document.createElement("template");
            holder.innerHTML = document.getElementById("ecosphere-map").innerHTML.split("MAPINPUT").join(input.id);
            map = holder.content.querySelector(".eco-map");
            root.append(map);
            ckan.module.initializeElement(map);
            map.hidden = true;
          }
          return map;
        };
        const open = (map, wanted) => {
          map.hidden = !wanted;
          opener.setAttribute("aria-expanded", String(wanted));
        };
        opener.addEventListener("click", () => {
          const map = drawn();
          open(map, map.hidden);
        });
        // An intercommunality: its départements are chosen, the map shows it, and an empty box gets its sides.
        const place = (chosen) => chosen.territories.forEach((each) => picker.dispatchEvent(new CustomEvent("ecosphere:choose", { detail: each })));
        root.addEventListener("ecosphere:epci", (event) => place(event.detail)); // chosen on the map
        const epci = root.querySelector("[data-epci]");
        epci.addEventListener("ecosphere:suggested", (event) => {
          const chosen = event.detail;
          if (!chosen || !chosen.box) {
            status.textContent = this.options.nothing;
            return;
          }
          place(chosen);
          if (!input.value.trim()) {
            input.value = chosen.box.join(", ");
            ["input", "change"].forEach((name) => input.dispatchEvent(new Event(name, { bubbles: true })));
          }
          open(drawn(), true);
          drawn().dispatchEvent(new CustomEvent("ecosphere:show", { detail: { box: chosen.box, epci: chosen.code } }));
          const named = chosen.territories.map((each) => each.label).join(", ");
          status.textContent = this.options.around.replace("{name}", chosen.name).replace("{places}", named);
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
})();
