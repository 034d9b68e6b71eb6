/* Bounding box drawn on an outline map with the mouse or a finger, and kept in sync with its inputs. The map is zoomed
 * and panned with its buttons, or with + - 0 and the arrow keys while it has the focus. The event `ecosphere:show`
 * (detail: `box`, `epci`, a code or nothing) makes it show a place.
 * When zoomed to a département, the map shows its intercommunalities (EPCI): choosing one, by click or from the list,
 * writes its box into the inputs and triggers `ecosphere:epci` (detail: what the portal returns about it).
 * `inputs`: the ids of the west, south, east and north inputs, or of the one input that holds all four. */
"use strict";

ckan.module("ecosphere-map-box", function () {
  const SMALLEST = 4; // pixels: less is a click, not a rectangle
  const STEP = 2, LARGEST = 64; // times: at one step, at most
  const NEAR = 6; // times, from which intercommunalities are drawn
  const MOST_DEPARTEMENTS = 6; // whose intercommunalities are drawn together
  const SVG = "http://www.w3.org/2000/svg";
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  return {
    initialize: function () {
      this.root = this.el[0];
      this.frames = Array.from(this.root.querySelectorAll("svg[data-frame]"));
      this.choice = this.root.querySelector("[data-frames]");
      this.inputs = this.options.inputs.split(" ").map((id) => document.getElementById(id));
      this.frames.forEach((frame) => this.prepare(frame));
      this.choice.addEventListener("change", () => { this.open(this.choice.value); this.draw(); });
      this.inputs.forEach((input) => input.addEventListener("input", () => this.draw()));
      this.root.querySelector("[data-clear]").addEventListener("click", () => { this.mark(""); this.write(null); });
      this.root.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => this.zoom(button.dataset.zoom)));
      this.root.addEventListener("ecosphere:show", (event) => { this.mark(event.detail.epci); this.show(event.detail.box); });
      this.prepareEpcis();
      this.root.hidden = false;
      const box = this.read();
      if (box) { this.openAt(box); }
      this.draw();
    },

    openAt: function (box) {
      const holder = this.frames.find((frame) => this.holds(frame, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2));
      if (holder) { this.open(holder.dataset.frame); }
      return holder;
    },

    /* Zoom a frame `times` times, centred on (x, y). */
    look: function (frame, x, y, times) {
      const whole = frame.whole;
      frame.times = Math.min(Math.max(times, 1), LARGEST);
      const width = whole.width / frame.times, height = whole.height / frame.times;
      const inside = (value, most) => Math.min(Math.max(value, 0), most);
      frame.setAttribute("viewBox", [inside(x - width / 2, whole.width - width), inside(y - height / 2, whole.height - height), width, height].join(" "));
      frame.style.setProperty("--eco-map-times", frame.times);
      this.root.querySelector("[data-zoom=in]").disabled = frame.times >= LARGEST;
      this.root.querySelectorAll("[data-zoom=out], [data-zoom=whole]").forEach((button) => { button.disabled = frame.times === 1; });
      this.drawEpcis(frame);
    },

    prepareEpcis: function () {
      this.bar = this.root.querySelector("[data-epci-bar]");
      if (!this.bar) { return; }
      this.departement = this.bar.querySelector("[data-departement]");
      this.epcis = this.bar.querySelector("[data-epci-choice]");
      this.none = this.epcis.options[0];
      this.known = new Map(); // code of a département → what was answered
      this.departements = Array.from(this.departement.options).filter((option) => option.value).map((option) => ({ code: option.value, box: option.dataset.box.split(",").map(Number) }));
      this.departement.addEventListener("change", () => {
        const chosen = this.departements.find((each) => each.code === this.departement.value);
        if (chosen) { this.show(chosen.box); } else { this.look(this.shown(), 0, 0, 1); }
      });
      this.epcis.addEventListener("change", () => this.choose(this.epcis.value));
    },

    /* Visible départements, nearest to the centre first; only the chosen one while it is visible. */
    inSight: function (frame) {
      const seen = frame.viewBox.baseVal;
      const [west, north] = this.degrees(frame, seen.x, seen.y);
      const [east, south] = this.degrees(frame, seen.x + seen.width, seen.y + seen.height);
      const x = (west + east) / 2, y = (south + north) / 2;
      const far = (box) => Math.hypot((box[0] + box[2]) / 2 - x, (box[1] + box[3]) / 2 - y);
      const there = this.departements.filter(({ box }) => box[0] < east && box[2] > west && box[1] < north && box[3] > south);
      const named = there.filter((each) => each.code === this.departement.value);
      if (named.length) { return named; }
      this.departement.value = "";
      if (frame.times < NEAR && frame === this.frames[0]) { return []; }
      return there.sort((one, other) => far(one.box) - far(other.box)).slice(0, MOST_DEPARTEMENTS);
    },

    ask: function (code) {
      if (!this.known.has(code)) {
        this.known.set(code, fetch(this.bar.dataset.url.replace("CODE", code), { headers: { Accept: "application/json" } }).then((answer) => {
          if (!answer.ok) { throw new Error(answer.status); }
          return answer.json();
        }));
        this.known.get(code).catch(() => this.known.delete(code));
      }
      return this.known.get(code);
    },

    drawEpcis: async function (frame) {
      if (!this.bar || this.root.hidden || frame !== this.shown()) { return; }
      const codes = this.inSight(frame).map((each) => each.code).sort().join(" ");
      if (codes === this.drawn) { return; }
      this.drawn = codes;
      let answers;
      try {
        answers = await Promise.all(codes.split(" ").filter(Boolean).map((code) => this.ask(code)));
      } catch (error) {
        if (codes === this.drawn) { this.drawn = null; this.tell(this.bar.dataset.failed); }
        return;
      }
      if (codes !== this.drawn) { return; } // looked elsewhere in the meantime
      this.told = new Map(answers.flat().map((each) => [each.code, each]));
      const named = Array.from(this.told.values()).sort((one, other) => one.name.localeCompare(other.name));
      this.frames.forEach((each) => each.querySelector("[data-epcis]").replaceChildren());
      frame.querySelector("[data-epcis]").append(...named.map((each) => {
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("d", each.path);
        path.dataset.code = each.code;
        path.append(Object.assign(document.createElementNS(SVG, "title"), { textContent: each.name }));
        return path;
      }));
      this.epcis.replaceChildren(this.none, ...named.map((each) => new Option(each.name, each.code)));
      this.epcis.disabled = !named.length;
      this.mark(this.marked);
    },

    mark: function (code) {
      this.marked = code || "";
      if (!this.bar) { return; }
      this.root.querySelectorAll("[data-epcis] path").forEach((path) => path.classList.toggle("eco-map__epci--chosen", path.dataset.code === this.marked));
      this.epcis.value = this.told && this.told.has(this.marked) ? this.marked : "";
    },

    tell: function (text) {
      this.root.querySelector("[data-epci-status]").textContent = text;
    },

    choose: function (code) {
      const chosen = this.told && this.told.get(code);
      this.mark(code);
      this.tell(chosen ? this.bar.dataset.around.replace("{name}", chosen.name) : "");
      if (!chosen) { return; }
      this.write(chosen.box);
      this.inputs.forEach((input) => input.dispatchEvent(new Event("change", { bubbles: true })));
      this.root.dispatchEvent(new CustomEvent("ecosphere:epci", { detail: chosen, bubbles: true }));
    },

    zoom: function (way) {
      const frame = this.shown(), seen = frame.viewBox.baseVal, box = this.read();
      let middle = [seen.x + seen.width / 2, seen.y + seen.height / 2];
      if (box && way === "in") {
        const at = this.place(frame, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
        if (at[0] >= seen.x && at[0] <= seen.x + seen.width && at[1] >= seen.y && at[1] <= seen.y + seen.height) { middle = at; }
      }
      this.look(frame, middle[0], middle[1], way === "whole" ? 1 : way === "in" ? frame.times * STEP : frame.times / STEP);
    },

    move: function (across, down) {
      const frame = this.shown(), seen = frame.viewBox.baseVal;
      this.look(frame, seen.x + seen.width * (0.5 + across / 4), seen.y + seen.height * (0.5 + down / 4), frame.times);
    },

    show: function (box) {
      const frame = this.openAt(box);
      if (!frame) { return; }
      const [left, bottom] = this.place(frame, box[0], box[1]);
      const [right, top] = this.place(frame, box[2], box[3]);
      const fits = Math.min(frame.whole.width / Math.max(right - left, 1), frame.whole.height / Math.max(bottom - top, 1));
      this.look(frame, (left + right) / 2, (top + bottom) / 2, fits * 0.8);
      this.draw();
    },

    open: function (name) {
      this.choice.value = name;
      this.frames.forEach((frame) => frame.toggleAttribute("hidden", frame.dataset.frame !== name));
      const seen = this.shown().viewBox.baseVal;
      this.look(this.shown(), seen.x + seen.width / 2, seen.y + seen.height / 2, this.shown().times);
    },

    shown: function () {
      return this.frames.find((frame) => !frame.hasAttribute("hidden"));
    },

    holds: function (frame, x, y) {
      const at = this.place(frame, x, y);
      const size = frame.whole;
      return at[0] >= 0 && at[0] <= size.width && at[1] >= 0 && at[1] <= size.height;
    },

    place: function (frame, longitude, latitude) {
      const d = frame.dataset;
      return [(longitude - d.west) * d.scaleX, (d.north - latitude) * d.scaleY];
    },

    degrees: function (frame, x, y) {
      const d = frame.dataset;
      return [Number(d.west) + x / d.scaleX, Number(d.north) - y / d.scaleY];
    },

    read: function () {
      const one = this.inputs.length === 1;
      const texts = one ? this.inputs[0].value.split(/[,;\s]+/).filter(Boolean) : this.inputs.map((input) => input.value.trim().replace(",", "."));
      const values = texts.map(Number);
      return texts.length === 4 && texts.every(Boolean) && values.every(Number.isFinite) ? values : null;
    },

    write: function (box) {
      const texts = box ? box.map((side) => side.toFixed(4)) : ["", "", "", ""];
      if (this.inputs.length === 1) { this.inputs[0].value = box ? texts.join(", ") : ""; }
      else { this.inputs.forEach((input, rank) => { input.value = texts[rank]; }); }
      this.draw();
    },

    draw: function () {
      const frame = this.shown();
      const mark = frame.querySelector("[data-box]");
      const box = this.read();
      mark.toggleAttribute("hidden", !box);
      if (!box) { return; }
      const [left, bottom] = this.place(frame, box[0], box[1]);
      const [right, top] = this.place(frame, box[2], box[3]);
      mark.setAttribute("x", left);
      mark.setAttribute("y", top);
      mark.setAttribute("width", Math.max(right - left, 0));
      mark.setAttribute("height", Math.max(bottom - top, 0));
    },

    prepare: function (frame) {
      const size = frame.viewBox.baseVal;
      frame.whole = { width: size.width, height: size.height };
      frame.times = 1;
      const at = (event) => {
        const edge = frame.getBoundingClientRect();
        const seen = frame.viewBox.baseVal;
        const inside = (value, most) => Math.min(Math.max(value, 0), most);
        return [
          seen.x + inside((event.clientX - edge.left) * seen.width / edge.width, seen.width),
          seen.y + inside((event.clientY - edge.top) * seen.height / edge.height, seen.height)
        ];
      };
      frame.addEventListener("keydown", (event) => {
        const way = { "+": "in", "=": "in", "-": "out", 0: "whole" }[event.key];
        if (event.ctrlKey || event.metaKey || event.altKey || !(way || (ARROWS[event.key] && frame.times > 1))) { return; }
        event.preventDefault();
        if (way) { this.zoom(way); } else { this.move(...ARROWS[event.key]); }
      });
      let start = null, drawn = false;
      frame.addEventListener("pointerdown", (event) => {
        start = at(event);
        drawn = false;
        frame.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      frame.addEventListener("pointermove", (event) => {
        if (!start) { return; }
        const end = at(event);
        const smallest = SMALLEST / frame.times;
        if (Math.abs(end[0] - start[0]) < smallest || Math.abs(end[1] - start[1]) < smallest) { return; }
        const [west, south] = this.degrees(frame, Math.min(start[0], end[0]), Math.max(start[1], end[1]));
        const [east, north] = this.degrees(frame, Math.max(start[0], end[0]), Math.min(start[1], end[1]));
        drawn = true;
        this.write([west, south, east, north]);
      });
      ["pointerup", "pointercancel"].forEach((name) => frame.addEventListener(name, (event) => {
        const under = start && !drawn && name === "pointerup" && document.elementsFromPoint(event.clientX, event.clientY).find((each) => each.closest("[data-epcis]") && frame.contains(each));
        if (under) { this.choose(under.dataset.code); }
        else if (start && drawn) { this.mark(""); }
        if (start && !under) { this.inputs.forEach((input) => input.dispatchEvent(new Event("change", { bubbles: true }))); }
        start = null;
      }));
    }
  };
});
