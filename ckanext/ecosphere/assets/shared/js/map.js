/* A rectangle drawn on an outline with the mouse or a finger; it and the inputs beside it always say the same.
 * `inputs` names the inputs of the four sides (west, south, east, north), or the only one that holds all four. */
"use strict";

ckan.module("ecosphere-map-box", function () {
  const SMALLEST = 4; // pixels: less is a click, not a rectangle

  return {
    initialize: function () {
      this.root = this.el[0];
      this.frames = Array.from(this.root.querySelectorAll("svg[data-frame]"));
      this.choice = this.root.querySelector("[data-frames]");
      this.inputs = this.options.inputs.split(" ").map((id) => document.getElementById(id));
      this.frames.forEach((frame) => this.prepare(frame));
      this.choice.addEventListener("change", () => { this.open(this.choice.value); this.draw(); });
      this.inputs.forEach((input) => input.addEventListener("input", () => this.draw()));
      this.root.querySelector("[data-clear]").addEventListener("click", () => this.write(null));
      this.root.hidden = false;
      const box = this.read();
      if (box) {
        const holder = this.frames.find((frame) => this.holds(frame, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2));
        if (holder) { this.open(holder.dataset.frame); }
      }
      this.draw();
    },

    open: function (name) {
      this.choice.value = name;
      this.frames.forEach((frame) => frame.toggleAttribute("hidden", frame.dataset.frame !== name));
    },

    shown: function () {
      return this.frames.find((frame) => !frame.hasAttribute("hidden"));
    },

    holds: function (frame, x, y) {
      const at = this.place(frame, x, y);
      const size = frame.viewBox.baseVal;
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
      const at = (event) => {
        const edge = frame.getBoundingClientRect();
        const size = frame.viewBox.baseVal;
        const inside = (value, most) => Math.min(Math.max(value, 0), most);
        return [
          inside((event.clientX - edge.left) * size.width / edge.width, size.width),
          inside((event.clientY - edge.top) * size.height / edge.height, size.height)
        ];
      };
      let start = null;
      frame.addEventListener("pointerdown", (event) => {
        start = at(event);
        frame.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      frame.addEventListener("pointermove", (event) => {
        if (!start) { return; }
        const end = at(event);
        if (Math.abs(end[0] - start[0]) < SMALLEST || Math.abs(end[1] - start[1]) < SMALLEST) { return; }
        const [west, south] = this.degrees(frame, Math.min(start[0], end[0]), Math.max(start[1], end[1]));
        const [east, north] = this.degrees(frame, Math.max(start[0], end[0]), Math.min(start[1], end[1]));
        this.write([west, south, east, north]);
      });
      ["pointerup", "pointercancel"].forEach((name) => frame.addEventListener(name, () => {
        if (start) { this.inputs.forEach((input) => input.dispatchEvent(new Event("change", { bubbles: true }))); }
        start = null;
      }));
    }
  };
});
