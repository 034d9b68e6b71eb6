/* A map of extents: zoom and pan with buttons, keys, mouse or finger. The tiles of a background map are laid over the
 * drawing of the page, which stays where none comes.
 * `tiles`: their URL with {z}, {x} and {y} (web mercator), or nothing; `frame`: `Frame.as_dict` of the drawing. */
"use strict";

ckan.module("ecosphere-extent-map", function () {
  const STEP = 1.6; // of a zoom
  const CLOSEST = 24; // times the whole map
  const ROOM = 3; // times the extent, around it
  const MOVE = 0.2; // of what is shown, for an arrow key
  const CLICK = 4; // pixels: a longer way is a drag
  const WAIT = 150; // milliseconds without a move, before tiles are asked for
  const TILE = 256, COARSEST = 6, FINEST = 18; // those of France; coarser tiles would be bent too much
  const OVERLAP = 1.004; // times its size, so that no seam is seen
  const SVG = "http://www.w3.org/2000/svg";

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
      this.labels = Array.from(this.svg.querySelectorAll("text"), (text) => ({ text, extent: text.parentNode.querySelector("[data-extent]") }));
      if (this.options.tiles) { this.lay(); }
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
      const boxes = Array.from(this.svg.querySelectorAll("[data-extent]"), (each) => each.getBBox());
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
      const unit = box.width / this.whole.width; // numbers keep their size
      this.svg.style.setProperty("--eco-unit", unit);
      this.labels.forEach(({ text, extent }) => {
        text.setAttribute("x", extent.x.baseVal.value + 3 * unit);
        text.setAttribute("y", extent.y.baseVal.value + 12 * unit);
      });
      if (this.options.tiles) {
        clearTimeout(this.waiting);
        this.waiting = setTimeout(() => this.lay(), WAIT);
      }
    },

    /* Lay the tiles of what is shown. The drawing is equirectangular: a tile is stretched between its edges, which at
     * these scales misplaces nothing by more than a pixel or two. */
    lay: function () {
      const { west, north, scale_x, scale_y } = this.options.frame, s = this.shown;
      const degrees = s.width / scale_x / (this.svg.clientWidth || this.whole.width); // per pixel of the screen
      const zoom = Math.min(Math.max(Math.ceil(Math.log2(360 / (TILE * degrees))), COARSEST), FINEST);
      const count = 2 ** zoom;
      const column = (x) => Math.floor((west + x / scale_x + 180) / 360 * count);
      const row = (y) => {
        const latitude = (north - y / scale_y) * Math.PI / 180;
        return Math.floor((1 - Math.asinh(Math.tan(latitude)) / Math.PI) / 2 * count);
      };
      const left = (tile) => (tile / count * 360 - 180 - west) * scale_x;
      const top = (tile) => (north - Math.atan(Math.sinh(Math.PI * (1 - 2 * tile / count))) * 180 / Math.PI) * scale_y;
      const images = [];
      for (let x = column(s.x); x <= column(s.x + s.width); x += 1) {
        for (let y = row(s.y); y <= row(s.y + s.height); y += 1) {
          const image = document.createElementNS(SVG, "image");
          const place = { x: left(x), y: top(y), width: (left(x + 1) - left(x)) * OVERLAP, height: (top(y + 1) - top(y)) * OVERLAP, preserveAspectRatio: "none" };
          Object.entries(place).forEach(([name, value]) => image.setAttribute(name, value));
          image.addEventListener("error", () => image.remove());
          image.addEventListener("load", () => { this.el[0].querySelector("[data-credit]").hidden = false; });
          image.setAttribute("href", this.options.tiles.replace("{z}", zoom).replace("{x}", x).replace("{y}", y));
          images.push(image);
        }
      }
      this.svg.querySelector("[data-tiles]").replaceChildren(...images);
    },

    /* A click does what dragging does (WCAG 2.2, 2.5.7): what was clicked comes to the middle. */
    centre: function (event) {
      const edge = this.svg.getBoundingClientRect(), unit = this.shown.width / edge.width;
      const across = event.clientX - edge.left - edge.width / 2, down = event.clientY - edge.top - edge.height / 2;
      this.show({ ...this.shown, x: this.shown.x + across * unit, y: this.shown.y + down * unit });
    },

    drag: function () {
      let last = null, dragged = false;
      this.svg.addEventListener("pointerdown", (event) => {
        dragged = false;
        if (this.shown.width >= this.whole.width) { return; } // nothing to move: a finger scrolls the page
        last = [event.clientX, event.clientY];
      });
      this.svg.addEventListener("pointermove", (event) => {
        if (!last) { return; }
        if (!dragged && Math.hypot(event.clientX - last[0], event.clientY - last[1]) < CLICK) { return; }
        if (!dragged) { this.svg.setPointerCapture(event.pointerId); }
        dragged = true;
        const unit = this.shown.width / this.svg.getBoundingClientRect().width;
        this.show({ ...this.shown, x: this.shown.x - (event.clientX - last[0]) * unit, y: this.shown.y - (event.clientY - last[1]) * unit });
        last = [event.clientX, event.clientY];
      });
      this.svg.addEventListener("click", (event) => {
        if (dragged) { event.preventDefault(); return; }
        if (!event.target.closest("a")) { this.centre(event); }
      }, true);
      this.svg.addEventListener("dragstart", (event) => event.preventDefault());
      ["pointerup", "pointercancel"].forEach((name) => this.svg.addEventListener(name, () => { last = null; }));
    }
  };
});
