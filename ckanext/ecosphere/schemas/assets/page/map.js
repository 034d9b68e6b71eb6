/* The map of the extent: zoom and pan with buttons, keys, mouse or finger. */
"use strict";

ckan.module("ecosphere-extent-map", function () {
  const STEP = 1.6; // of a zoom
  const CLOSEST = 24; // times the whole map
  const ROOM = 3; // times the extent, around it
  const MOVE = 0.2; // of what is shown, for an arrow key

  return {
    initialize: function () {
      this.svg = this.el[0].querySelector("svg");
      const whole = this.svg.viewBox.baseVal;
      this.whole = { x: 0, y: 0, width: whole.width, height: whole.height };
      this.shown = { ...this.whole };
      this.el[0].querySelector("[data-bar]").hidden = false;
      this.el[0].querySelector("[data-keys]").hidden = false;
      const ways = { in: () => this.zoom(1 / STEP), out: () => this.zoom(STEP), extent: () => this.fit(), all: () => this.show({ ...this.whole }) };
      this.el[0].querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", ways[button.dataset.zoom]));
      this.svg.setAttribute("tabindex", "0");
      this.svg.addEventListener("keydown", (event) => this.key(event, ways));
      this.drag();
    },

    key: function (event, ways) {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const names = { "+": "in", "=": "in", "-": "out", 0: "all" };
      if (event.ctrlKey || event.metaKey || event.altKey) { return; }
      if (moves[event.key]) {
        const [x, y] = moves[event.key];
        this.show({ ...this.shown, x: this.shown.x + x * MOVE * this.shown.width, y: this.shown.y + y * MOVE * this.shown.height });
      } else if (names[event.key]) { ways[names[event.key]](); } else { return; }
      event.preventDefault();
    },

    zoom: function (factor) {
      const s = this.shown;
      const width = Math.min(Math.max(s.width * factor, this.whole.width / CLOSEST), this.whole.width);
      const height = width * this.whole.height / this.whole.width;
      this.show({ x: s.x + (s.width - width) / 2, y: s.y + (s.height - height) / 2, width, height });
    },

    fit: function () {
      const boxes = Array.from(this.svg.querySelectorAll(".eco-where__extent"), (each) => each.getBBox());
      const left = Math.min(...boxes.map((b) => b.x)), right = Math.max(...boxes.map((b) => b.x + b.width));
      const top = Math.min(...boxes.map((b) => b.y)), bottom = Math.max(...boxes.map((b) => b.y + b.height));
      const ratio = this.whole.height / this.whole.width;
      const width = Math.min(Math.max((right - left) * ROOM, (bottom - top) * ROOM / ratio, this.whole.width / CLOSEST), this.whole.width);
      this.show({ x: (left + right - width) / 2, y: (top + bottom - width * ratio) / 2, width, height: width * ratio });
    },

    show: function (box) {
      box.x = Math.min(Math.max(box.x, 0), this.whole.width - box.width);
      box.y = Math.min(Math.max(box.y, 0), this.whole.height - box.height);
      this.shown = box;
      this.svg.setAttribute("viewBox", [box.x, box.y, box.width, box.height].join(" "));
    },

    drag: function () {
      let last = null;
      this.svg.addEventListener("pointerdown", (event) => {
        if (this.shown.width >= this.whole.width) { return; } // nothing to move: a finger scrolls the page
        last = [event.clientX, event.clientY];
        this.svg.setPointerCapture(event.pointerId);
      });
      this.svg.addEventListener("pointermove", (event) => {
        if (!last) { return; }
        const unit = this.shown.width / this.svg.getBoundingClientRect().width;
        this.show({ ...this.shown, x: this.shown.x - (event.clientX - last[0]) * unit, y: this.shown.y - (event.clientY - last[1]) * unit });
        last = [event.clientX, event.clientY];
      });
      ["pointerup", "pointercancel"].forEach((name) => this.svg.addEventListener(name, () => { last = null; }));
    }
  };
});
